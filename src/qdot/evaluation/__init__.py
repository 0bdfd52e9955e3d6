"""From policies to numbers: rollouts, scores, statistics, claims, tables."""
