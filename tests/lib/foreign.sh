# foreign.sh -- sourced by tests of clients in other languages: where their packages are kept.
#
#   venv pkg==version ...    PY is then a python that has them; false, with a reason in $why, when not
#   go_module DIR module@v   makes DIR a Go module that has it; false likewise
#   jars NAME group:name:v…  JARS is then a directory of them and what they need; false likewise
# Packages stay in the user's cache between runs.
# shellcheck shell=bash
CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/ashlar
why=

venv() {
  local where
  where=$CACHE/py-$(printf '%s ' "$@" | md5sum | cut -c1-12)
  PY=$where/bin/python
  [ -e "$where/complete" ] && return 0
  mkdir -p "$CACHE"
  rm -rf "$where"
  if python3 -m venv "$where" > "$T/venv.log" 2>&1 &&
    "$PY" -m pip install -q --disable-pip-version-check "$@" >> "$T/venv.log" 2>&1; then
    touch "$where/complete"
  else
    why="$* could not be installed: $(tail -n 1 "$T/venv.log")"
    return 1
  fi
}

go_module() {
  command -v go > /dev/null || {
    why="no Go here"
    return 1
  }
  mkdir -p "$1"
  (cd "$1" && printf 'module foreign\n\ngo 1.21\n' > go.mod && go get "$2") > "$T/go.log" 2>&1 && return 0
  why="$2 could not be fetched: $(tail -n 1 "$T/go.log")"
  return 1
}

jars() { # jars NAME GROUP:ARTIFACT:VERSION... : JARS is then a directory of them and of all that they need
  local name=$1 where pom g a v
  shift
  where=$CACHE/jars-$name-$(printf '%s ' "$@" | md5sum | cut -c1-12)
  JARS=$where/lib
  [ -e "$where/complete" ] && return 0
  command -v mvn > /dev/null || {
    why="no Maven here"
    return 1
  }
  rm -rf "$where"
  mkdir -p "$where"
  pom=$where/pom.xml
  {
    echo '<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>'
    echo '<groupId>foreign</groupId><artifactId>foreign</artifactId><version>1</version><dependencies>'
    for it in "$@"; do
      IFS=: read -r g a v <<< "$it"
      echo "<dependency><groupId>$g</groupId><artifactId>$a</artifactId><version>$v</version></dependency>"
    done
    echo '</dependencies></project>'
  } > "$pom"
  maven_in_turn
  if mvn -q -B -f "$pom" dependency:copy-dependencies -DoutputDirectory="$JARS" > "$T/mvn.log" 2>&1; then
    touch "$where/complete"
  else
    why="$* could not be fetched: $(grep -m 1 ERROR "$T/mvn.log")"
    return 1
  fi
}
