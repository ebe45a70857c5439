# patience.sh -- sourced by scripts: how long is too long on this machine, now.
#
#   patience SECONDS    so many on an idle machine; where more wants to run than there are processors, as many times longer
# shellcheck shell=bash
patience() { awk -v s="$1" -v n="$(nproc)" '{f = $1 / n; print int(s * (f > 1 ? f : 1) + 0.5)}' /proc/loadavg; }
