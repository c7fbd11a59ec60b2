"""Results of tasks as one labelled data set."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr

from .store import Arrays


def collect(
    results: Mapping[str, Arrays],
    where: Mapping[str, Mapping],
    coords: Mapping[str, Sequence],
    variables: Mapping[str, tuple[tuple[str, ...], Mapping]],
    inner: tuple[str, ...],
) -> xr.Dataset:
    """One labelled data set of all results; nan where there is none.

    Parameters
    ----------
    where
        Labels of each result by dimension; a list of labels for those in `inner`, or to repeat it.
    coords
        All labels by dimension.
    variables
        Dimensions and attributes of each variable.
    inner
        Dimensions of the arrays of a result, in the order of those of its variable.
    """
    data = xr.Dataset(coords={name: list(labels) for name, labels in coords.items()})
    for name, (dims, attributes) in variables.items():
        shape = [data.sizes[dim] for dim in dims]
        data[name] = dims, np.full(shape, np.nan), dict(attributes)
    place = {dim: {label: k for k, label in enumerate(labels)} for dim, labels in coords.items()}
    for task, arrays in results.items():
        at = {dim: np.atleast_1d(labels).tolist() for dim, labels in where[task].items()}
        for name in arrays.keys() & variables.keys():
            dims = variables[name][0]
            index = np.ix_(*([place[dim][label] for label in at[dim]] for dim in dims))
            shape = [len(at[dim]) if dim in inner else 1 for dim in dims]
            data[name].values[index] = arrays[name].reshape(shape)
    return data
