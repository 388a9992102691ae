"""What a daily run costs a month: AWS Lambda's part, by list prices, without the free tier.

A run is billed from the process's start: since August 2025 the time before the first event is billed for every function
(AWS Compute Blog, "AWS Lambda standardizes billing for INIT Phase").
"""

from math import ceil

# AWS Lambda Pricing, arm64, us-east-1, first tier (November 2026). Other Regions are a little dearer.
PER_GB_SECOND = 0.0000133334
PER_REQUEST = 0.20 / 1_000_000
LEAST_MEMORY = 128  # MB: the smallest function there is (Lambda quotas).
RUNS = 30


def memory_for(peak):
    """The memory of the smallest function with this peak, in MB."""
    return max(LEAST_MEMORY, ceil(peak))


def per_month(milliseconds, memory):
    """Dollars for thirty runs. Each started millisecond is billed."""
    gb_seconds = ceil(milliseconds) / 1000 * memory / 1024
    return RUNS * (gb_seconds * PER_GB_SECOND + PER_REQUEST)
