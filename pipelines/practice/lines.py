"""What practice came to, in plain lines."""

from collections.abc import Iterator

from pipelines.practice.coverage import VERDICTS
from pipelines.practice.kept import Practice


def practice_lines(practice: Practice) -> Iterator[str]:
    """How often each interval held, beside what it promises; shift, spread, verdict."""
    c, n = practice.coverage, len(practice.rounds)
    rows = sorted(each.rows for each in practice.rounds)
    hidden = f"{rows[0]}" if rows[0] == rows[-1] else f"{rows[0]} to {rows[-1]}"
    yield f"{practice.slug}: {n} round{'s' * (n > 1)}, each with {hidden} rows hidden; {practice.metric}"
    if practice.by_time:
        yield "  (rows have a time: each round ends at an earlier one, and hides the latest fifth before it)"
    yield f"{'interval':<28}{'held':<24}95 % interval of that share"
    for each in c.held:
        share = f"{each.share:.3f} ({each.held} of {each.rounds})" if each.rounds else "-"
        yield f"  {f'{100 * each.level:.0f} %':<26}{share:<24}{each.low:.3f} to {each.high:.3f}"
    yield f"{'outcome - forecast, mean':<28}{c.shift:+.4f} ± {c.shift_se:.4f}"
    yield f"{'  in standard errors':<28}{c.z_mean:+.2f} ± {c.z_mean_se:.2f} (should be 0)"
    yield f"{'  their spread (sd)':<28}{c.z_sd:.2f}, 95 % interval {c.z_sd_low:.2f} to {c.z_sd_high:.2f} (should be 1)"
    yield f"verdict: {VERDICTS[c.verdict]}"
    if practice.by_time:
        yield "  (hidden rows of rounds overlap: the rounds are not independent, and the errors are too small)"
    else:
        yield "  (rounds share rows: the errors say how well this is known of these rows, not of others)"
    if practice.unpublished:
        yield "  (judged is the forecast without the shift of published models, which that of `run` has)"
