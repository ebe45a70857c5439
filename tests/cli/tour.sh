#!/bin/bash
# What docs/TOUR.md names is there: each file, and each function in its file.
. "$(dirname "$0")/../lib/script.sh"
grep -oE '`[a-z]+/[a-z_/]+\.[a-z]+(: [a-z_]+\(\))?`' docs/TOUR.md | tr -d '`' | sort -u > "$T/named"
missing=
while IFS= read -r what; do
  file=${what%%:*} function=
  case $what in *:*) function=${what##*: } function=${function%()} ;; esac
  if [ ! -e "$file" ]; then
    missing="$missing $file"
  elif [ -n "$function" ] && ! grep -qE "^[a-z].*\b$function\(" "$file"; then
    missing="$missing $file:$function"
  fi
done < "$T/named"
if [ "$(wc -l < "$T/named")" -gt 40 ] && [ -z "$missing" ]; then pass "every step of the tour is in the file it names"; else
  fail "every step of the tour is in the file it names: missing$missing"
fi
for f in docs/formats/*.md docs/design/*.md docs/*.md README.md; do
  grep -oE '`(docs|tests|tools)/[A-Za-z0-9_./-]+`' "$f" | tr -d '`' | while IFS= read -r p; do
    [ -e "$p" ] || [ -e "$p.c" ] || echo "$f names $p"
  done
done > "$T/dangling"
if [ -s "$T/dangling" ]; then fail "pages name only files that are there: $(tr '\n' ';' < "$T/dangling")"; else pass "pages name only files that are there"; fi
