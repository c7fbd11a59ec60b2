"""What studies share: command line, engine of tasks, results, colours. It holds no command."""
