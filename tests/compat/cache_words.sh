#!/bin/bash
# cache_words.sh -- dfs cacheadmin beside Hadoop's tool, word for word.
. "$(dirname "$0")/../lib/script.sh"
. "$(dirname "$0")/../lib/admin_words.sh"
start_cluster --datanodes 1 --no-jobs -D dfs.replication=1
reset_store() { true; } # the cases leave nothing behind
# Numbers and times of directives differ from run to run, and with them the width of a column.
words_cut() {
  grep -v -e NativeCodeLoader -e '^[0-9-]* [0-9:,]* \(WARN\|INFO\)' |
    sed -E 's/(cached? directive) [0-9]+/\1 N/; s/^ +[0-9]+ (p[0-9])/N \1/; s/^ +ID /ID /; s/2[0-9]+-[0-9]+-[0-9]+T[0-9:]+[+-][0-9]+/TIME/' | head -c 12000
}
"$dfs" -mkdir /c
head -c 1000 /dev/zero > "$T/f"
"$dfs" -put "$T/f" /c/f
"$dfs" -put "$T/f" /c/g
tr ' ' '\t' > "$T/cases" << 'CASES'
cacheadmin
cacheadmin -listPools
cacheadmin -addPool p1
cacheadmin -addPool p1
cacheadmin -addPool
cacheadmin -addPool p2 -owner bob -group staff -mode 0700 -limit 1000000 -defaultReplication 2 -maxTtl 2h
cacheadmin -addPool p3 -limit unlimited -maxTtl never
cacheadmin -addPool p4 -limit -5
cacheadmin -addPool p4 -limit x
cacheadmin -addPool p4 -maxTtl x
cacheadmin -addPool p4 -mode 9
cacheadmin -addPool p4 extra
cacheadmin -listPools
cacheadmin -listPools -stats
cacheadmin -listPools p2
cacheadmin -listPools -stats p2
cacheadmin -listPools p9
cacheadmin -listPools p2 extra
cacheadmin -modifyPool p1 -limit 2000000 -mode 0777
cacheadmin -modifyPool p1
cacheadmin -modifyPool
cacheadmin -modifyPool p9 -limit 5
cacheadmin -modifyPool p1 -maxTtl 30d -defaultReplication 1
cacheadmin -listPools p1
cacheadmin -addDirective -path /c/f -pool p1
cacheadmin -addDirective -path /c/f -pool p1 -replication 2 -ttl 1h
cacheadmin -addDirective -path /c -pool p2
cacheadmin -addDirective -force -path /c -pool p2
cacheadmin -addDirective -path /c/f
cacheadmin -addDirective -pool p1
cacheadmin -addDirective -path /c/f -pool p9
cacheadmin -addDirective -path /c/f -pool p1 -replication x
cacheadmin -addDirective -path /c/f -pool p1 -ttl x
cacheadmin -addDirective -path /c/f -pool p1 -ttl never
cacheadmin -addDirective -path /c/f -pool p1 extra
cacheadmin -listDirectives -stats
cacheadmin -listDirectives -path /c/f -stats
cacheadmin -listDirectives -pool p2 -stats
cacheadmin -listDirectives -id 99999
cacheadmin -listDirectives -id x
cacheadmin -listDirectives -pool p9
cacheadmin -listDirectives extra
cacheadmin -modifyDirective -id 99999 -replication 1
cacheadmin -modifyDirective -id 99999
cacheadmin -modifyDirective -replication 1
cacheadmin -modifyDirective -id x
cacheadmin -removeDirective 99999
cacheadmin -removeDirective
cacheadmin -removeDirective x
cacheadmin -removeDirective -5
cacheadmin -removeDirectives -path /c/f
cacheadmin -removeDirectives -path /c/none
cacheadmin -removeDirectives
cacheadmin -removePool p1
cacheadmin -removePool p1
cacheadmin -removePool
cacheadmin -removePool p2
cacheadmin -removePool p3
cacheadmin -help
cacheadmin -help addPool
cacheadmin -help bogus
cacheadmin -bogus
CASES
words_of "$T/cases" "pools and directives are made, listed and removed in Hadoop's words"
