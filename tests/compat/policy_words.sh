#!/bin/bash
# policy_words.sh -- dfs storagepolicies beside Hadoop's tool, word for word, with the satisfier switched on.
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/admin_words.sh"
start_cluster --datanodes 1 --no-jobs -D dfs.storage.policy.satisfier.mode=external
fill() { "$dfs" -mkdir -p /d && "$dfs" -touch /d/f /d/g; }
reset_store() { "$dfs" -rm -r -skipTrash /d > /dev/null && fill; }
tr ' ' '\t' > "$T/cases" << 'CASES'
storagepolicies -listPolicies
storagepolicies -listPolicies -x
storagepolicies -getStoragePolicy -path /d
storagepolicies -getStoragePolicy
storagepolicies -getStoragePolicy -path /none
storagepolicies -setStoragePolicy -path /d -policy COLD
storagepolicies -setStoragePolicy -path /d -policy TEPID
storagepolicies -setStoragePolicy -path /d
storagepolicies -setStoragePolicy -policy COLD
storagepolicies -setStoragePolicy -path /none -policy COLD
storagepolicies -setStoragePolicy -path /d/f -policy WARM
storagepolicies -getStoragePolicy -path /d/f
storagepolicies -getStoragePolicy -path /d/g
storagepolicies -getStoragePolicy -path /d extra
storagepolicies -unsetStoragePolicy -path /d
storagepolicies -unsetStoragePolicy
storagepolicies -unsetStoragePolicy -path /none
storagepolicies -getStoragePolicy -path /d
storagepolicies -satisfyStoragePolicy -path /d
storagepolicies -satisfyStoragePolicy
storagepolicies -satisfyStoragePolicy -path /none
storagepolicies -isSatisfierRunning
storagepolicies -bogus
storagepolicies
storagepolicies -help
storagepolicies -help setStoragePolicy
storagepolicies -help -getStoragePolicy
storagepolicies -help bogus
storagepolicies listPolicies
storagepolicies -satisfyStoragePolicy -path /d
storagepolicies -help one two
CASES
fill
words_of "$T/cases" "storage policies are listed, set and satisfied in Hadoop's words"
