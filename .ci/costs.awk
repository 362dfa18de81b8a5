# Reads the output of benchmarks made with internal/costtest and fails when one
# is over its goal, or when fewer than `want` compared anything.
#
# ratio: how far a ratio to the bare primitives may be over its goal.
# times: the same of a time, which also depends on the machine.
/^pkg: / { package = $2; sub(".*/", "", package) }
/^Benchmark/ {
  name = $1; sub("^Benchmark", "", name); sub("-[0-9]+$", "", name)
  name = package " " name
  split("", metric)
  for (i = 3; i < NF; i += 2) metric[$(i + 1)] = $i
  if ("x_bare" in metric) judge(name, metric["x_bare"], metric["x_goal"], ratio, "x")
  if ("us/each" in metric) judge(name, metric["us/each"], metric["us_goal"], times, "us")
}
/^(FAIL|panic|---)/ { print; failed = 1 }

function judge(name, got, goal, slack, unit,    over) {
  seen++
  over = got > goal * slack
  printf "%-26s %7.2f %-2s  goal %.2f, limit %.2f%s\n", name, got, unit, goal, goal * slack, over ? "  OVER" : ""
  if (over) failed = 1
}

END {
  if (seen < want) { printf "%d comparisons, want %d\n", seen, want; failed = 1 }
  exit failed
}
