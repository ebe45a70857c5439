#!/bin/bash
# faults.sh -- tests/cluster/faults.py for ten minutes (FAULT_SECONDS): killed and stopped daemons, failing disks and networks, and the power.
ROOT=${ROOT:-$(cd "$(dirname "$0")/../.." && pwd)}
export ROOT FAULT_SECONDS=${FAULT_SECONDS:-600}
exec "$ROOT/tests/cluster/faults.py"
