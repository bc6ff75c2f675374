"""Separation rank: how strongly a function of the vertices models interactions across a partition.

sep(f; I) is the least R with f(X) = Σ_{r ≤ R} g_r(X_I) · ḡ_r(X_{I^c}) for all features X. It is 0
for f ≡ 0, and 1 for another f whose two sides do not interact.
"""

from jwi.separation.bounds import NetworkShape, SeparationBounds, separation_bounds
from jwi.separation.comparison import BoundedSeparationRank, bounded_separation_rank
from jwi.separation.estimate import SeparationEstimate, separation_rank_estimate
from jwi.separation.rank import RankSampling, SeparationRank, separation_rank

__all__ = [
    "BoundedSeparationRank",
    "NetworkShape",
    "RankSampling",
    "SeparationBounds",
    "SeparationEstimate",
    "SeparationRank",
    "bounded_separation_rank",
    "separation_bounds",
    "separation_rank",
    "separation_rank_estimate",
]
