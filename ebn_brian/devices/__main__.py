"""What this machine can do: ``ebn machine`` under another name."""

from ebn_brian.machine import main

if __name__ == "__main__":
    main(prog_name="python -m ebn_brian.devices")
