#!/bin/bash
# quota_words.sh -- dfs admin's quota commands beside Hadoop's dfsadmin, word for word.
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/admin_words.sh"
start_cluster --datanodes 1 --no-jobs
fill() { "$dfs" -mkdir -p /q /r/a /r/b && "$dfs" -touchz /q/f; }
reset_store() { "$dfs" -rm -r -skipTrash /q /r > /dev/null && fill; }
tr ' ' '\t' > "$T/cases" << 'CASES'
admin -setQuota 3 /q
admin -setQuota 0 /q
admin -setQuota x /q
admin -setQuota 3
admin -setQuota 3 /none /q
admin -setQuota -3 /q
admin -setQuota 3 /q/f
admin -setQuota 7 /r/*
admin -clrQuota /q
admin -clrQuota
admin -clrQuota /none
admin -setSpaceQuota 5m /q
admin -setSpaceQuota 5x /q
admin -setSpaceQuota 5gb /q
admin -setSpaceQuota 0 /q
admin -setSpaceQuota 5m -storageType SSD /q
admin -setSpaceQuota 5m -storageType ssd /q
admin -setSpaceQuota 5m -storageType TAPE /q
admin -setSpaceQuota 0 -storageType SSD /q
admin -setSpaceQuota 5m -storageType RAM_DISK /q
admin -setSpaceQuota 5m /q -storageType DISK
admin -clrSpaceQuota -storageType SSD /q
admin -clrSpaceQuota -storageType TAPE /q
admin -clrSpaceQuota /q
admin -clrSpaceQuota /none
admin -setSpaceQuota 5m
admin -clrSpaceQuota
admin -clrQuota /
admin -setQuota 99999999999999999999 /q
admin -setSpaceQuota 9e /q
CASES
fill
words_of "$T/cases" "quotas are set and cleared in Hadoop's words"
"$dfs" admin -setSpaceQuota 5m -storageType SSD /r
if "$dfs" -count -q -t SSD /r | grep -q '5242880 *5242880 */r$'; then pass "count -t tells what is left of a storage type"; else fail "count -t tells what is left of a storage type: $("$dfs" -count -q -t SSD /r)"; fi
