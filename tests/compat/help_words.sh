#!/bin/bash
# help_words.sh -- dfs -help explains every command, and every option, that Hadoop's FsShell explains.
. "$(dirname "$0")/../lib/script.sh"
if ! have_java; then
  skip "help beside Hadoop's: no jars (HADOOP_LIB)"
  exit 0
fi
mkdir "$T/conf"
echo '<configuration></configuration>' > "$T/conf/core-site.xml"
HADOOP_CONF_DIR=$T/conf java_fs -help > "$T/theirs" 2> "$T/java.err"
HADOOP_CONF_DIR=$T/conf "$dfs" -help > "$T/ours"
# Of the usage of all commands, generic options are not ours to explain again; chgrp speaks of chown's; -pa is one of -p's letters.
python3 - "$T/theirs" "$T/ours" << 'P'
import re, sys
def explained(path):
    out, command = {}, None
    for line in open(path):
        m = re.match(r"-(\w+) .*:$|-(\w+)  ?:$", line)
        if m:
            command = m.group(1) or m.group(2)
            out[command] = line
        elif command:
            out[command] += line
    return out
theirs, ours = map(explained, sys.argv[1:])
other = {"chgrp": {"-chown"}, "cp": {"-pa"}, "usage": {"-conf", "-fs", "-archives", "-jt", "-files", "-libjars", "-D"}}
bad = 0
for command, text in theirs.items():
    options = set(re.findall(r"(?:^|\s)(--?[a-zA-Z][-\w]*)(?=\s|,|\.|$)", text)) - other.get(command, set())
    missing = [o for o in sorted(options) if not re.search(r"(?<![\w-])" + re.escape(o) + r"(?![\w-])", ours.get(command, ""))]
    if command not in ours or missing:
        bad += 1
        print("FAIL -help %s explains what Hadoop's does: nothing about %s" % (command, ", ".join(missing) or "it"))
if len(theirs) < 40:
    print("FAIL Hadoop's help is read: %d commands" % len(theirs))
elif not bad:
    print("PASS -help explains all of %d commands that Hadoop's explains, with their options" % len(theirs))
sys.exit(bad > 0 or len(theirs) < 40)
P
failures=$?
