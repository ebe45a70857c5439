#!/bin/bash
# clean_root.sh -- the two commands of the README in a Debian 12 that has nothing but apt, each twice in a row.
. "$(dirname "$0")/../lib/script.sh"
if [ "$(id -u)" != 0 ] || ! unshare -m true 2> /dev/null; then
  skip "a clean Debian: making one needs root"
  exit 0
fi
R=$T/root
inside() { tools/clean-root "$R" "$@"; }
told() { tail -n 3 "$T/log" | tr '\n' ' '; }

if ! tools/clean-root "$R" > "$T/log" 2>&1; then
  skip "a clean Debian: it could not be made: $(told)"
  exit 0
fi
for nth in first second; do
  start=$SECONDS
  # A cluster would end with its processes' namespace: what it left on disk is what the second run finds.
  if inside bash -c './quickstart && ./quickstart stop' > "$T/log" 2>&1; then pass "./quickstart, the $nth time ($((SECONDS - start)) s)"; else fail "./quickstart, the $nth time: $(told)"; fi
  cp "$T/log" "$T/quickstart.$nth"
done
before=$(grep -o '^[0-9]* files in the store from before' "$T/quickstart.second" | cut -d' ' -f1)
if [ "${before:-0}" -gt 0 ]; then pass "the second one finds the files of the first"; else fail "the second one found ${before:-nothing} from before"; fi
want=$(find -L "$R/usr/share/common-licenses" -type f -exec cat {} + | tr -s '[:space:]' '\n' | grep -v '^$' | LC_ALL=C sort | uniq -c | sort -k1,1nr -k2 | awk 'NR <= 20 {print $2 "\t" $1}' | LC_ALL=C sort)
got=$(awk '/^== the twenty/ {p = 1; next} /^==/ {p = 0} p && NF' "$T/quickstart.first" | LC_ALL=C sort)
if [ "$(cut -f2 <<< "$want" | sort -n)" = "$(cut -f2 <<< "$got" | sort -n)" ] && [ -n "$got" ]; then pass "its counts are those of sort and uniq"; else
  fail "its counts are not those of sort and uniq: $(diff <(echo "$want") <(echo "$got") | head -n 4 | tr '\n' ' ')"
fi
for nth in first second; do
  start=$SECONDS
  if inside make -j"$(nproc)" check > "$T/log" 2>&1 && tail -n 1 "$T/log" | grep -qE '^[0-9]+ passed, 0 failed$'; then
    pass "make check, the $nth time ($((SECONDS - start)) s): $(tail -n 1 "$T/log")"
  else fail "make check, the $nth time: $(grep -E '^FAIL' "$T/log" | head -n 5 | tr '\n' ' ') $(told)"; fi
  grep -E '^SKIP' "$T/log" | sed 's/^SKIP/     skipped:/'
  cp "$T/log" "$T/check.$nth"
done
