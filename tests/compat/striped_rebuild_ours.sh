#!/bin/bash
# striped_rebuild_ours.sh -- striped_rebuild.sh at our namenode's order: both kinds of datanodes restore the units that a lost
# one had, byte for byte.
export NAMENODE=ours
. "$(dirname "$0")/striped_rebuild.sh"
