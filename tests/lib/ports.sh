# ports.sh -- sourced by scripts that give ports to what tools/cluster does not start.
#
#   some_port [SPAN]    one by chance, with SPAN - 1 more above it, out of $ASHLAR_PORTS (LOW-HIGH): what tests/run gives to
#                       this script alone; else below the ports of outgoing connections, one of which could take it first
# shellcheck shell=bash
some_port() {
  local range=${ASHLAR_PORTS:-10000-31999} span=${1:-1}
  local low=${range%-*} high=${range#*-}
  echo $((low + RANDOM % (high - low + 2 - span)))
}
