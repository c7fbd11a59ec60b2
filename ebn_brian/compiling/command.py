"""The compiled programs that are kept: ``ebn cache``."""

import click

from . import cache


@click.command("cache")
@click.option("--clear", is_flag=True, help="Remove them all.")
def main(clear: bool) -> None:
    """Compiled programs that are kept.

    EBN_CACHE names another folder; where it is empty, none are kept.
    """
    top = cache.folder()
    if top is None:
        click.echo("no programs are kept: EBN_CACHE is empty")
        return
    kept = cache.programs(top)
    size = sum(size for _, size, _ in kept) / 2**20
    click.echo(f"{top}: {len(kept)} programs, {size:.1f} of at most {cache.LIMIT / 2**20:.0f} MB")
    if clear:
        cache.clear(top)
        click.echo("removed")
