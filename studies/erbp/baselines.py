"""What the same images give without spikes: logistic regression and a multilayer perceptron."""

from .data import Task

BASELINES = ("logistic", "mlp")


def baseline(name: str, task: Task, n_hidden: int, seed: int) -> float:
    """Accuracy on the test images."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neural_network import MLPClassifier

    if name == "logistic":
        model = LogisticRegression(max_iter=2000)
    else:
        model = MLPClassifier((n_hidden,), max_iter=1000, random_state=seed % 2**32)
    model.fit(task.training.pixels, task.training.labels)
    return float(model.score(task.test.pixels, task.test.labels))
