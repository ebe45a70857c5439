#!/bin/bash
# long: begins first
# random_namespace_ours.sh -- as random_namespace.sh, of a store that our namenode makes.
MAKER=ours . "$(dirname "$0")/random_namespace.sh"
