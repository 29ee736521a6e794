"""Medians, ratios and the readable table."""

from statistics import median

# metric, heading, format
COLUMNS = {
    "small": [
        ("cpu_us", "CPU us/request", "{:.1f}"),
        ("p50_us", "p50 us", "{:.0f}"),
        ("requests_per_s", "requests/s", "{:.0f}"),
    ],
    "latency": [
        ("p50_us", "p50 us", "{:.0f}"),
        ("added_us", "added p50 us", "{:.0f}"),
        ("cpu_us", "CPU us/request", "{:.1f}"),
    ],
    "big": [
        ("cpu_s_per_gib", "CPU s/GiB", "{:.3f}"),
        ("wall_s_per_gib", "wall s/GiB", "{:.2f}"),
    ],
}

# Which figure decides, and against which proxies of the same upstream protocol.
RATIOS = {
    "small": ("cpu_us", "CPU per small request", ("nginx", "haproxy")),
    "latency": ("added_us", "added p50 latency, one connection", ("nginx",)),
    "big": ("cpu_s_per_gib", "CPU per GiB", ("haproxy",)),
}


NOISY = 4 / 3


def summarise(samples):
    """{leg: {proxy: [sample, ...]}} becomes {leg: {proxy: {metric: {median, min, max}}}}."""
    summary = {}
    for leg, by_proxy in samples.items():
        summary[leg] = {}
        for proxy, rounds in by_proxy.items():
            summary[leg][proxy] = {
                metric: {
                    "median": median(values),
                    "min": min(values),
                    "max": max(values),
                }
                for metric in rounds[0]
                for values in [[sample[metric] for sample in rounds]]
            }
    return summary


def ratios_of(summary, samples):
    """The gateway's medians divided by the best of those it has to match.

    `lowest` and `highest` come from the single rounds: how far to trust the ratio. `of_lowest` compares
    the cheapest rounds, a second opinion, since a busy machine only ever adds to a figure.
    """
    ratios = []
    for leg, (metric, title, rivals) in RATIOS.items():
        figures = summary.get(leg, {})
        for suffix in ("", " h2"):
            gateway = figures.get("gateway" + suffix)
            found = {r + suffix: figures[r + suffix][metric]["median"] for r in rivals if r + suffix in figures}
            if not gateway or not found:
                continue
            best = min(found, key=found.get)
            rounds = [
                divide(ours[metric], theirs[metric])
                for ours, theirs in zip(samples[leg]["gateway" + suffix], samples[leg][best])
            ]
            ratios.append(
                {
                    "leg": leg,
                    "title": title + suffix,
                    "against": best,
                    "ratio": divide(gateway[metric]["median"], found[best]),
                    "lowest": min(rounds),
                    "highest": max(rounds),
                    "of_lowest": divide(gateway[metric]["min"], figures[best][metric]["min"]),
                }
            )
    return ratios


def noisy_figures(summary):
    """Deciding figures that vary by more than a third between rounds."""
    return [
        f"{leg} {proxy}"
        for leg, figures in summary.items()
        for proxy, metrics in figures.items()
        for figure in [metrics.get(RATIOS[leg][0])]
        if figure and figure["max"] > NOISY * max(figure["min"], 0.001)
    ]


def divide(ours, theirs):
    """A proxy that adds no latency at all counts as adding very little, so that a ratio exists."""
    return max(ours, 0.001) / max(theirs, 0.001)


def table(leg, figures):
    columns = [column for column in COLUMNS[leg] if any(column[0] in f for f in figures.values())]
    rows = [["", *(heading for _, heading, _ in columns)]]
    for proxy, metrics in figures.items():
        row = [proxy]
        for metric, _, form in columns:
            if metric in metrics:
                low, middle, high = (form.format(metrics[metric][key]) for key in ("min", "median", "max"))
                row.append(f"{middle} ({low}-{high})")
            else:
                row.append("")
        rows.append(row)
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "\n".join("  " + "  ".join(cell.ljust(w) for cell, w in zip(row, widths)).rstrip() for row in rows)


def print_report(titles, summary, ratios, limits):
    for leg, figures in summary.items():
        if figures:
            print(f"\n{titles[leg]}\n{table(leg, figures)}")
    if ratios:
        print("\nratios: gateway / best of the others, of medians (lowest-highest round); below 1.00 is better\n")
        print(f"  {'':<36} ratio {'':<10}  of the cheapest rounds")
    for entry in ratios:
        limit = limits.get(entry["leg"])
        verdict = "" if limit is None else f"  {'ok' if entry['ratio'] <= limit else 'OVER'} (limit {limit:.2f})"
        spread = f"({entry['lowest']:.2f}-{entry['highest']:.2f})"
        print(
            f"  {entry['title']:<36} {entry['ratio']:.2f} {spread:<11}  {entry['of_lowest']:.2f}"
            f"  against {entry['against']}{verdict}"
        )
    noisy = noisy_figures(summary)
    if noisy:
        print(f"\nnoisy, more --rounds or a quieter machine would help: {', '.join(noisy)}")
