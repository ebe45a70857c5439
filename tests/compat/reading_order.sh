#!/bin/bash
# reading_order.sh -- replicas are shown nearest first: to readers on a datanode's host, in its rack, in another rack of its
# hall and in none, by a Hadoop's namenode and by ours, both over our datanodes, the same.
. "$(dirname "$0")/../lib/script.sh"
if ! have_java; then
  skip "the order of replicas beside a Hadoop's: no jars (HADOOP_LIB)"
  exit 0
fi
. "$(dirname "$0")/../lib/java_namenode.sh"
cat > "$T/racks" << 'R'
127.0.0.1 /a/r1
127.0.0.11 /a/r1
127.0.0.12 /a/r1
127.0.0.13 /a/r2
127.0.0.14 /a/r2
127.0.0.15 /b/r1
127.0.0.16 /b/r1
127.0.0.19 /b/r9
127.0.0.21 /c/r1
R
at() { # at N: the datanode on 127.0.0.N
  local p
  p=$(datanode_port "$1")
  ours "$1" dfs.datanode.address="127.0.0.$1:$p" dfs.datanode.ipc.address="127.0.0.$1:$((p + 1))" \
    dfs.datanode.http.address="127.0.0.$1:$((p + 2))" dfs.datanode.hostname="127.0.0.$1"
}
order() { # order READER: the last numbers of the hosts, in order
  curl -sS --noproxy '*' --interface "127.0.0.$1" "http://127.0.0.1:$((PORT + 1))/webhdfs/v1/six?op=GET_BLOCK_LOCATIONS" 2>> "$T/curl.err" |
    grep -o '"ipAddr":"[0-9.]*"' | head -n 6 | sed 's/.*\.//; s/"//' | tr '\n' ' '
}
sorted() { tr ' ' '\n' <<< "$1" | sort | tr '\n' ' '; }
look() { # what readers see; those equally near sorted, for they come in any order
  local r o n
  for r in 11 14 1 19 21 99; do
    for n in 1 2 3; do
      o=$(order $r)
      case $r in
        11 | 14) echo "$r: ${o%% *}, $(cut -d' ' -f2 <<< "$o"), then $(sorted "$(cut -d' ' -f3,4 <<< "$o")"), then $(sorted "$(cut -d' ' -f5,6 <<< "$o")")" ;;
        1) echo "$r: $(sorted "$(cut -d' ' -f1,2 <<< "$o")"), then $(sorted "$(cut -d' ' -f3,4 <<< "$o")"), then $(sorted "$(cut -d' ' -f5,6 <<< "$o")")" ;;
        19) echo "$r: $(sorted "$(cut -d' ' -f1,2 <<< "$o")"), then $(sorted "$(cut -d' ' -f3- <<< "$o")")" ;;
        *) echo "$r: $(sorted "$o")" ;;
      esac
    done
    for n in 1 2 3 4 5 6 7 8; do order $r; done | sort -u | wc -l | sed "s/^1\$/$r: always the same order/; s/^[0-9]*\$/$r: any order of equals/"
  done
}
for NAMENODE in java ours; do
  rm -rf "$T/name" "$T"/d1*
  java_namenode "$(some_port 70)" net.topology.node.switch.mapping.impl org.apache.hadoop.net.TableMapping \
    net.topology.table.file.name "$T/racks" dfs.replication 6 dfs.namenode.fs-limits.min-block-size 0
  for n in 11 12 13 14 15 16; do at $n; done
  wait_live 6
  "$dfs" -put /etc/hostname /six || fail "$NAMENODE: a file is put: $(tail -n 2 "$T/nn.log")"
  until_ok 30 sh -c "'$dfs' -stat %r /six && [ \$('$dfs' fsck /six -files -blocks 2> /dev/null | grep -c 'repl=6') = 1 ]"
  check "dfs fsck asks $NAMENODE's namenode" sh -c "'$dfs' fsck /six -files -blocks -racks 2> /dev/null | grep -q 'Status: HEALTHY'"
  look > "$T/$NAMENODE.seen"
  for n in 11 12 13 14 15 16; do stop ours$n KILL; done
  stop nn KILL
done
same "replicas are shown in the order of their distance, as by a Hadoop's namenode" "$T/java.seen" "$T/ours.seen"
check "a reader beside a datanode has that one first" grep -q '^14: 14, 13, then 11 12 , then 15 16 $' "$T/ours.seen"
