# SPDX-License-Identifier: Apache-2.0
# Reads three files: bars (`name ratio`), the peer's figures and ours (`name nanoseconds allocations instructions`), and
# prints them side by side. `met` means: our time is at most the bar times the peer's.
FILENAME == ARGV[1] { bar[$1] = $2; next }
FILENAME == ARGV[2] { time[$1] = $2; allocations[$1] = $3; instructions[$1] = $4; next }
!header++ { printf "%-22s %10s %10s %7s | %7s %7s | %9s %9s\n",
    "", "ns", peer, "ratio", "allocs", peer, "instr", peer }
{
    verdict = ""
    ratio = time[$1] > 0 ? $2 / time[$1] : 0
    if ($1 in bar) verdict = sprintf("bar %.2f %s", bar[$1], ratio > 0 && ratio <= bar[$1] ? "met" : "MISSED")
    if ($1 in bar && !(ratio > 0 && ratio <= bar[$1])) missed++
    printf "%-22s %10.2f %10.2f %7.3f | %7.2f %7.2f | %9s %9s  %s\n", $1, $2, time[$1], ratio, $3, allocations[$1],
        $4, instructions[$1], verdict
}
END { printf "%d bars missed\n", missed; exit missed > 0 }
