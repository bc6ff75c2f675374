"""The configuration of the study of linear classification."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """Starts of small to large reward std, for several numbers of labels."""

    num_labels: tuple[int, ...] = (2, 3, 10)
    max_std: float = 0.5
    min_std: float = 1e-3
    num_stds: int = 16
    """Initial reward stds, evenly spaced on a logarithmic axis."""
    num_starts: int = 5
    """Random logits of the wrong labels at every std."""
    spread: float = 1.0
    """Standard deviation of the wrong labels' logits."""
    fit_below: float = 0.1
    """Slopes are fitted to the stds below."""
    tolerance: float = 1e-9
    """Relative and absolute, of the solver."""
    step_sizes: tuple[float, ...] = (0.2, 0.1, 0.05)
    """Of gradient descent on one input's objective."""
    descent_min_std: float = 0.1
    """Smallest initial std of gradient descent, on one input for each std down to it."""
    num_curve_points: int = 60
    seed: int = 0


SMOKE = Config(
    num_labels=(3,),
    min_std=0.02,
    num_stds=4,
    num_starts=2,
    tolerance=1e-7,
    step_sizes=(0.2, 0.1),
    descent_min_std=0.3,
    num_curve_points=10,
)
