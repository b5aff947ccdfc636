#!/usr/bin/env bash
# Measures the exporter with a simulated fleet, and a second build of it in the same run. See docs/performance.md.
set -euo pipefail

accounts=1000 numbers=5 templates=200 rounds=5 program=target/release/whatsapp-business-exporter baseline='' more=()

usage() {
  cat << USAGE
Usage: benches/scale.sh [--accounts=N] [--numbers=N] [--templates=N] [--rounds=N]
                        [--program=PATH] [--baseline=PATH] [-- FLAG...]

  --accounts, --numbers, --templates  Size of the fleet [default: $accounts accounts, $numbers numbers, $templates templates]
  --rounds                            Number of times each response is measured; the median counts [default: $rounds]
  --program                           The exporter to measure [default: $program]
  --baseline                          An exporter to compare it with, measured alternately
  -- FLAG...                          Flags for both, such as --templates.detail=none
USAGE
}

fail() { echo "scale.sh: $*" >&2; exit 2; }

count() { [[ ${2} =~ ^[1-9][0-9]*$ ]] || fail "$1: expected a number above 0, not '$2'"; echo "$2"; }

while (($#)); do
  case $1 in
    --accounts=*) accounts=$(count --accounts "${1#*=}") ;;
    --numbers=*) numbers=$(count --numbers "${1#*=}") ;;
    --templates=*) templates=$(count --templates "${1#*=}") ;;
    --rounds=*) rounds=$(count --rounds "${1#*=}") ;;
    --program=*) program=${1#*=} ;;
    --baseline=*) baseline=${1#*=} ;;
    --help) usage; exit ;;
    --) shift; more=("$@"); break ;;
    *) usage >&2; fail "unknown argument '$1'" ;;
  esac
  shift
done
for one in "$program" ${baseline:+"$baseline"}; do
  [[ -x $one ]] || fail "$one is not a program; run: cargo build --release --locked"
done

# The process ids by role: meta, and 0 and 1 for the exporters.
declare -A pid=() address=()
folder=$(mktemp -d)
stop_all() {
  for one in "${pid[@]}"; do kill "$one" 2> /dev/null || true; done
  wait
  rm -rf "$folder"
}
trap stop_all EXIT

# until_in FILE TEXT: the address that follows the text.
until_in() {
  local line
  for ((tenths = 0; tenths < 600; tenths++)); do
    if line=$(grep -m 1 -o "$2[0-9.:]*" "$1"); then
      echo "${line#"$2"}"
      return
    fi
    sleep 0.1
  done
  fail "no '$2' in $1: $(tail -n 5 "$1")"
}

programs=("$program" ${baseline:+"$baseline"})

start_meta() {
  "$program" simulate --listen-address=127.0.0.1:0 --accounts="$accounts" --numbers="$numbers" --templates="$templates" \
    > "$folder/meta.out" 2> "$folder/meta.log" &
  pid[meta]=$!
  address[meta]=$(until_in "$folder/meta.out" 'For game days, http://')
  eval "$(grep -o 'export WHATSAPP_.*' "$folder/meta.out")"
}

# start N: starts an exporter, with the store that it had before.
start() {
  mkdir -p "$folder/store$1"
  "${programs[$1]}" --graph.base-url="http://${address[meta]}" --web.listen-address=127.0.0.1:0 \
    --webhook.listen-address=127.0.0.1:0 --store.url="sqlite:$folder/store$1/exporter.db" --log.signals=false "${more[@]}" \
    > "$folder/$1.out" 2> "$folder/$1.log" &
  pid[$1]=$!
  address[$1]=$(until_in "$folder/$1.log" 'the status page address=')
}

now() { date +%s.%N; }
since() { awk -v from="$1" -v to="$(now)" 'BEGIN { printf "%.2f", to - from }'; }

# field N NAME: a number in the status of an exporter.
field() {
  curl --silent --max-time 120 "http://${address[$1]}/api/v1/status?limit=1" | grep -o "\"$2\":[0-9]*" | head -n 1 | cut -d : -f 2
}

# until_full N: waits until every object has been read.
until_full() {
  until [[ $(field "$1" phone_numbers) == $((accounts * numbers)) && $(field "$1" templates) == $((accounts * templates)) ]]; do
    kill -0 "${pid[$1]}" || fail "the exporter ended: $(tail -n 5 "$folder/$1.log")"
    sleep 1
  done
}

median() { sort -n | awk '{ value[NR] = $1 } END { print value[int((NR + 1) / 2)] }'; }
memory() { awk -v name="$2:" '$1 == name { printf "%.0f", $2 / 1024 }' "/proc/${pid[$1]}/status"; }
cpu() { awk -v hertz="$(getconf CLK_TCK)" '{ printf "%.1f", ($14 + $15) / hertz }' "/proc/${pid[$1]}/stat"; }
store_size() { du -cm "$folder/store$1"/* | tail -n 1 | cut -f 1; }
written() { awk '$1 == "write_bytes:" { printf "%.1f", $2 / 1048576 }' "/proc/${pid[$1]}/io"; }

# note N ROW VALUE: to a file, because waiting is done in subshells.
note() { printf '%s\t%s\t%s\n' "$@" >> "$folder/figures"; }

# Each response of both exporters in turn, so that a change of the machine's speed meets both.
measure_responses() {
  local what path round one file
  while IFS='|' read -r what path; do
    for ((round = 0; round < rounds; round++)); do
      for one in "${!programs[@]}"; do
        file=$folder/$one.$(md5sum <<< "$what" | cut -c 1-8)
        curl --silent --globoff --output /dev/null --header "Accept-Encoding: ${path##* }" \
          --fail --write-out '%{time_starttransfer} %{time_total} %{size_download}\n' "http://${address[$one]}${path%% *}" >> "$file" || : > "$file"
      done
    done
    for one in "${!programs[@]}"; do
      file=$folder/$one.$(md5sum <<< "$what" | cut -c 1-8)
      note "$one" "$what: first byte, ms" "$(awk '{ print $1 * 1000 }' "$file" | median)"
      note "$one" "$what: complete, ms" "$(awk '{ print $2 * 1000 }' "$file" | median)"
      note "$one" "$what: size, KB" "$(awk '{ print $3 / 1000 }' "$file" | median)"
    done
  done << RESPONSES
/metrics|/metrics identity
/metrics, gzip|/metrics gzip
status page|/ identity
status page, search|/?q=555-01000-0004 identity
status API|/api/v1/status identity
RESPONSES
}

start_meta
began=$(now)
for one in "${!programs[@]}"; do start "$one"; done
waiting=()
for one in "${!programs[@]}"; do
  {
    until_full "$one"
    note "$one" 'first start to full data, s' "$(since "$began")"
    note "$one" 'CPU time to full data, s' "$(cpu "$one")"
  } &
  waiting+=($!)
done
for one in "${waiting[@]}"; do wait "$one" || fail "an exporter did not read everything"; done
for one in "${!programs[@]}"; do
  note "$one" 'series' "$(curl --silent "http://${address[$one]}/metrics" | grep -vc '^#')"
done
measure_responses
for one in "${!programs[@]}"; do
  note "$one" 'resident memory, MiB' "$(memory "$one" VmRSS)"
  note "$one" 'peak memory, MiB' "$(memory "$one" VmHWM)"
  note "$one" 'store, MiB' "$(store_size "$one")"
  note "$one" 'written since the start, MiB' "$(written "$one")"
done
for one in "${!programs[@]}"; do
  kill "${pid[$one]}"
  wait "${pid[$one]}" || fail "the exporter ended badly: $(tail -n 5 "$folder/$one.log")"
  began=$(now)
  start "$one"
  curl --silent --output /dev/null "http://${address[$one]}/metrics"
  note "$one" 'restart to full scrape, s' "$(since "$began")"
  note "$one" 'resident memory after the restart, MiB' "$(memory "$one" VmRSS)"
done

echo "$accounts accounts, $((accounts * numbers)) phone numbers, $((accounts * templates)) templates; flags: ${more[*]:-none}"
echo "$(nproc) cores, $(awk -F ': ' '/^model name/ { print $2; exit }' /proc/cpuinfo); load $(cut -d ' ' -f 1-3 /proc/loadavg)"
echo
awk -F '\t' -v compared="$baseline" '
  !($2 in known) { known[$2]; rows[++count] = $2 }
  { value[$1, $2] = $3 }
  END {
    print (compared ? "| | this build | baseline | ratio |\n|---|---|---|---|" : "| | this build |\n|---|---|")
    for (row = 1; row <= count; row++) {
      name = rows[row]; mine = value[0, name]; other = value[1, name]
      if (!compared) printf "| %s | %s |\n", name, mine
      else printf("| %s | %s | %s | %s |\n", name, mine, other, (other > 0 ? sprintf("%.2f", mine / other) : ""))
    }
  }' "$folder/figures"
