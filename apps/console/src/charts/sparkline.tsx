const WIDTH = 56;
const HEIGHT = 20;

/** A line without axes, as wide as a word. @param props `label`: what it says, for those who do not see it. */
export function Sparkline({ values, label }: { readonly values: readonly number[]; readonly label: string }) {
  const greatest = Math.max(1e-9, ...values);
  const step = WIDTH / Math.max(1, values.length - 1);
  const points = values.map((value, at) => {
    const y = HEIGHT - 1 - (value / greatest) * (HEIGHT - 2);
    return `${(at * step).toFixed(1)},${y.toFixed(1)}`;
  });
  return (
    <svg
      class="sparkline"
      role="img"
      aria-label={label}
      width={WIDTH}
      height={HEIGHT}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
    >
      <title>{label}</title>
      <polyline points={points.join(' ')} />
    </svg>
  );
}
