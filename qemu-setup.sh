#!/usr/bin/env bash
#
# Makes this machine able to cross-build and run arm64 images: a container engine, buildx, QEMU.
# `qemu-setup.sh --help` says how to call it.
#
# How it works
#   survey   looks at what is there: engine, buildx, arm64 emulation, disk, packages. It changes nothing.
#   set up   adds what the survey found missing. Before each change it writes a line to a journal.
#   undo     takes back what stands in the journal, and nothing else.
#
# A journal line is written before the thing itself is done, so that a run that was cut off at any point can be undone:
# undoing a step that never happened does nothing.
#
# The script can be sourced, for its tests: nothing runs then.

set -Eeuo pipefail
# Messages of other programs are read here, so they have to be in one language.
export LC_ALL=C

readonly PROGRAM=qemu-setup.sh

# --- What is needed ---------------------------------------------------------------------------------------------------

# The first engine whose BuildKit knows OCI outputs, provenance attestations and oci-layout contexts.
readonly MIN_ENGINE=24.0
# The first buildx that knows attestations.
readonly MIN_BUILDX=0.10
# Both bases, the image, their build cache and an OCI archive, with room for one more version of each.
readonly MIN_FREE_GIB=5
# The packages, and what apt keeps while it installs them.
readonly MIN_INSTALL_GIB=1

# Debian's own names. Debian 12 has them too old or not at all, so there they come from the next release.
readonly ENGINE_PACKAGES=(docker.io containerd)
readonly BUILDX_PACKAGES=(docker-cli docker-buildx)
readonly QEMU_PACKAGES=(qemu-user-static qemu-user qemu-user-binfmt)
# With these, stand-ins for the base images can be put together where no container registry is in reach. With busybox,
# containers without a shell can be looked into; Redis is what comes and goes while the service is looked at.
readonly BASE_PACKAGES=(ca-certificates mmdebstrap arch-test debian-archive-keyring busybox-static redis-server)
# What the project's own tests need besides (--tests).
readonly SIGNING_PACKAGES=(cosign)
readonly OTHER_ENGINE_PACKAGES=(podman netavark runc iproute2)
readonly TEST_PACKAGES=(shellcheck chromium docker-registry postgresql "${SIGNING_PACKAGES[@]}"
  "${OTHER_ENGINE_PACKAGES[@]}")

# Services that these packages start when they are installed. Nobody here uses those: checks and tests start their own.
readonly RESTING_SERVICES=(docker-registry postgresql redis-server)

readonly OLDEST_DEBIAN=12 OLD_SUITE=bookworm NEW_SUITE=trixie
# Below 500, the weight of the machine's own release: an upgrade takes nothing from the next release by itself. And not
# below 100, the weight of what is installed: security updates of what was taken from there do arrive.
readonly NEW_SUITE_PRIORITY=100

# --- Where things are -------------------------------------------------------------------------------------------------

readonly STATE_DIR=/var/lib/lucid-image-setup
readonly JOURNAL=$STATE_DIR/journal
readonly LOG_DIR=/var/log/lucid-image-setup
readonly SETUP_LOG=$LOG_DIR/setup.log
readonly ENGINE_LOG=$LOG_DIR/dockerd.log
readonly APT_SOURCE=/etc/apt/sources.list.d/lucid-image-setup
readonly APT_PIN=/etc/apt/preferences.d/lucid-image-setup.pref
readonly ENGINE_CONFIG=/etc/docker/daemon.json
readonly ENGINE_DATA=/var/lib/docker
# Where images are when containerd is a service of its own, as under systemd.
readonly CONTAINERD_DATA=/var/lib/containerd
readonly ENGINE_SOCKET=unix:///var/run/docker.sock
readonly BINFMT_DIR=/proc/sys/fs/binfmt_misc
readonly BINFMT_CONFIG=/usr/lib/binfmt.d/qemu-aarch64.conf

# How long to wait, in seconds.
readonly ANSWER_TIMEOUT=30 START_TIMEOUT=120 STOP_TIMEOUT=30

# The ELF header of a little-endian 64-bit AArch64 program, and which of its bits count: what binfmt_misc looks for.
readonly AARCH64_MAGIC='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00'
readonly AARCH64_MASK='\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
readonly PROBE_ANSWER=42

usage() {
  cat <<USAGE
Usage: $PROGRAM [--check | --undo] [--tests] [-q]

Makes this machine able to cross-build and run linux/arm64 images. Without --check and --undo it
installs and starts what is missing (as root, on Debian $OLDEST_DEBIAN or later); what is there already is used as it
is. An engine that it did not start is never restarted and never reconfigured.

  --check      only look: print a table; exit code 0 when everything is there, 1 when not
  --undo       take back what this script did here, and nothing else; images that were built are kept
  --tests      also what the project's own tests need: ${TEST_PACKAGES[*]}
  -q, --quiet  print errors only
  -h, --help   print this

The engine is the one that the docker command would talk to (DOCKER_HOST and contexts count).
Journal: $JOURNAL   Logs: $LOG_DIR
USAGE
}

# --- Talking to the user ----------------------------------------------------------------------------------------------

QUIET=false
RED='' GREEN='' YELLOW='' DIM='' RESET=''

choose_colours() {
  [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]] || return 0
  RED=$'\e[31m' GREEN=$'\e[32m' YELLOW=$'\e[33m' DIM=$'\e[2m' RESET=$'\e[0m'
}

say() { "$QUIET" || printf '%s\n' "$*"; }
warn() { printf '%s: %s\n' "$PROGRAM" "$*" >&2; }
die() {
  warn "$*"
  exit 1
}

# Runs a slow command with its output in the log, and shows meanwhile how far it is: on a terminal in one line that is
# overwritten, elsewhere by a line every 15 seconds. The command stays in the foreground, where Ctrl-C reaches it.
run_slow() { # COMMAND...
  local status=0
  printf '\n+ %s\n' "$*" 2>/dev/null >>"$SETUP_LOG" || die "cannot write $SETUP_LOG: is the disk full? Free some space and run this again"
  if "$QUIET"; then
    "$@" >>"$SETUP_LOG" 2>&1 </dev/null {JOURNAL_LOCK}>&- || status=$?
    return "$status"
  fi
  exec {PROGRESS}> >(show_progress)
  PROGRESS_PID=$!
  # A daemon that an installation starts must keep neither the lock nor the pipe.
  "$@" >>"$SETUP_LOG" 2>&1 </dev/null {JOURNAL_LOCK}>&- {PROGRESS}>&- || status=$?
  stop_progress
  return "$status"
}

# The process that shows how far a slow command is, and the pipe to it: it ends when nobody holds that any more. A
# signal would not do: one that arrives before bash has taken this script's traps off its child runs them there.
PROGRESS='' PROGRESS_PID=''
stop_progress() {
  [[ -n $PROGRESS ]] || return 0
  exec {PROGRESS}>&-
  wait "$PROGRESS_PID" 2>/dev/null || true
  PROGRESS=''
  [[ ! -t 1 ]] || printf '\r\e[K'
}

show_progress() {
  local start=$SECONDS next=15 passed line
  exec {JOURNAL_LOCK}>&-
  until read -r -t 1 || (($? <= 128)); do
    passed=$((SECONDS - start))
    line=$(tail -n 1 "$SETUP_LOG" | tr -dc '[:print:]')
    if [[ -t 1 ]]; then
      printf '\r\e[K%s  %3d s  %.80s%s' "$DIM" "$passed" "$line" "$RESET"
    elif ((passed >= next)); then
      printf '  %d s: %.100s\n' "$passed" "$line"
      next=$((passed + 15))
    fi
  done
}

# --- The journal ------------------------------------------------------------------------------------------------------
# One line per step: a word, a tab, and what the step is about. For each word there is a function undo_WORD.

open_journal() {
  mkdir -p "$STATE_DIR" "$LOG_DIR" 2>/dev/null || die "cannot create $STATE_DIR: is the disk full, or read-only?"
  { exec {JOURNAL_LOCK}>"$STATE_DIR/lock"; } 2>/dev/null || die "cannot write to $STATE_DIR: is the disk full, or read-only?"
  flock -n "$JOURNAL_LOCK" || die "another $PROGRAM is at work on this machine: wait until it has ended"
  drop_torn_line
}

# A last line without its end was cut off while it was written: the step it announces was never begun.
drop_torn_line() {
  [[ -s $JOURNAL && -n $(tail -c 1 "$JOURNAL") ]] || return 0
  sed -i '$d' "$JOURNAL"
}

record() { # STEP ABOUT
  printf '%s\t%s\n' "$1" "$2" 2>/dev/null >>"$JOURNAL" ||
    die "cannot write $JOURNAL: is the disk full? Free some space and run this again"
}

# What the journal says about one kind of step, oldest first.
journal_of() { # STEP
  [[ ! -e $JOURNAL ]] || awk -F '\t' -v step="$1" '$1 == step && !seen[$2]++ { print $2 }' "$JOURNAL"
}

# Puts the standard input in a file that is not there yet. The journal keeps its checksum: a file that somebody has
# changed since is no longer ours to remove.
create_file() { # PATH
  local path=$1 draft=$STATE_DIR/draft sum
  cat >"$draft" 2>/dev/null || die "cannot write to $STATE_DIR: is the disk full? Free some space and run this again"
  sum=$(sha256sum <"$draft")
  record file "${sum%% *} $path"
  { install -m 0644 "$draft" "$path" && rm "$draft"; } 2>/dev/null ||
    die "cannot write $path: is the disk full, or read-only?"
}

create_directory() { # PATH
  [[ ! -d $1 ]] || return 0
  record directory "$1"
  mkdir -p "$1"
}

# --- Survey: client and engine ----------------------------------------------------------------------------------------

# The first docker command on PATH that has buildx. An older one without it may come first.
CLIENT='' BUILDX_VERSION=''
# up, down, refused (a socket that this user may not open) or unknown (nothing here to ask it with).
ENGINE=down
ENGINE_HOST=$ENGINE_SOCKET ENGINE_VERSION='' ENGINE_API='' ENGINE_STORE='' ENGINE_ROOT=$ENGINE_DATA ENGINE_BUILDER=''

survey() {
  survey_client
  survey_engine
  survey_arm64
}

survey_client() {
  local path line
  CLIENT='' BUILDX_VERSION=''
  while read -r path; do
    # podman's stand-in for docker answers as well; only buildx names itself.
    line=$("$path" buildx version 2>/dev/null) || continue
    [[ $line == *buildx* ]] || continue
    CLIENT=$path
    BUILDX_VERSION=$(awk '{ sub(/^v/, "", $2); sub(/[+].*/, "", $2); print $2; exit }' <<<"$line")
    return
  done < <(type -ap docker || true)
}

# Asks the engine with the client that was found, else with any other.
ask_engine() { # ARGUMENT...
  timeout "$ANSWER_TIMEOUT" "${CLIENT:-docker}" "$@"
}

survey_engine() {
  local answer=''
  ENGINE=down ENGINE_VERSION='' ENGINE_API='' ENGINE_STORE='' ENGINE_BUILDER=''
  if [[ -z $CLIENT ]] && ! type -p docker >/dev/null; then
    ENGINE_HOST=${DOCKER_HOST:-$ENGINE_SOCKET}
    [[ -z $(engine_process) ]] || ENGINE=unknown
    return
  fi
  ENGINE_HOST=$(ask_engine context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null) ||
    ENGINE_HOST=${DOCKER_HOST:-$ENGINE_SOCKET}
  if ! answer=$(ask_engine version --format '{{.Server.Version}}|{{.Server.APIVersion}}' 2>&1); then
    [[ $answer != *'permission denied'* ]] || ENGINE=refused
    return
  fi
  ENGINE=up
  IFS='|' read -r ENGINE_VERSION ENGINE_API <<<"$answer"
  answer=$(ask_engine info --format '{{.DriverStatus}}|{{.DockerRootDir}}' 2>/dev/null) || answer='|'
  [[ $answer != *io.containerd.snapshotter* ]] || ENGINE_STORE=containerd
  ENGINE_ROOT=${answer##*|}
  [[ -z $CLIENT ]] || ENGINE_BUILDER=$(builder_driver)
}

builder_driver() {
  use_private_buildx_config
  ask_engine buildx inspect 2>/dev/null | awk '$1 == "Driver:" { print $2; exit }' || true
}

# buildx makes a folder in the user's home when it is first called; looking must not leave one behind.
use_private_buildx_config() {
  [[ -n ${BUILDX_CONFIG:-} || -d ${DOCKER_CONFIG:-${HOME:-/root}/.docker}/buildx ]] || export BUILDX_CONFIG=$WORK_DIR/buildx
}

engine_is_local() { [[ $ENGINE_HOST == unix://* ]]; }

# The PID of the engine at the default place, if one runs there.
engine_process() {
  local file pid
  for file in /var/run/docker.pid /var/run/docker-ssd.pid; do
    if [[ -r $file ]] && read -r pid <"$file" && [[ $(process_name "$pid") == dockerd ]]; then
      printf '%s\n' "$pid"
      return
    fi
  done
}

process_name() { cat "/proc/$1/comm" 2>/dev/null || true; }

at_least() { # VERSION MINIMUM
  [[ $(printf '%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]
}

# What the running engine lacks, in a few words; nothing when it will do.
engine_lacks() {
  if ! at_least "$ENGINE_VERSION" "$MIN_ENGINE"; then
    printf 'version %s is too old, %s or later is needed' "$ENGINE_VERSION" "$MIN_ENGINE"
  elif [[ -z $ENGINE_STORE && ${ENGINE_BUILDER:-docker} == docker ]]; then
    printf 'its image store keeps no OCI outputs and attestations: {"features": {"containerd-snapshotter": true}} in its daemon.json turns that on'
  fi
}

# --- Survey: arm64 programs -------------------------------------------------------------------------------------------

# Where an arm64 program has run: nowhere, here (on this machine), root (here, where no interpreter can be found by
# path), container (on the engine).
ARM64=nowhere

# Writes an arm64 program that ends with PROBE_ANSWER: an ELF header (e_machine 0xB7, AArch64), one loadable segment and
#   mov x0, #42;  mov x8, #93 (exit);  svc #0
write_probe() { # PATH
  {
    printf '\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\xb7\0\x01\0\0\0\x78\0\x40\0\0\0\0\0\x40\0\0\0\0\0\0\0'
    printf '\0\0\0\0\0\0\0\0\0\0\0\0\x40\0\x38\0\x01\0\0\0\0\0\0\0'
    printf '\x01\0\0\0\x05\0\0\0\0\0\0\0\0\0\0\0\0\0\x40\0\0\0\0\0\0\0\x40\0\0\0\0\0\x84\0\0\0\0\0\0\0'
    printf '\x84\0\0\0\0\0\0\0\0\x10\0\0\0\0\0\0'
    printf '\x40\x05\x80\xd2\xa8\x0b\x80\xd2\x01\0\0\xd4'
  } 2>/dev/null >"$1" || die "cannot write to ${1%/*}: is the disk full? Free some space and run this again"
  chmod +x "$1"
}

survey_arm64() {
  local root=$WORK_DIR/root
  ARM64=nowhere
  mkdir -p "$root"
  write_probe "$root/probe"
  if engine_is_local; then
    ! answers "$root/probe" || ARM64=here
    # An empty root: the kernel can only have opened the interpreter beforehand (flag F), as it must for containers.
    ! { [[ $EUID == 0 ]] && answers chroot "$root" /probe; } || ARM64=root
  fi
  if [[ $ENGINE == up ]] && probe_in_container "$root"; then ARM64=container; fi
}

answers() { # COMMAND...
  local status=0
  "$@" >/dev/null 2>&1 </dev/null || status=$?
  [[ $status == "$PROBE_ANSWER" ]]
}

# Runs the program as the only file of a container. The image exists for that moment only; see clean_up.
PROBE_IMAGE=''
probe_in_container() { # FOLDER
  local status=0
  PROBE_IMAGE=localhost/qemu-setup-probe:$$
  tar -C "$1" -c probe 2>/dev/null | ask_engine import --platform linux/arm64 - "$PROBE_IMAGE" >/dev/null 2>&1 || status=1
  [[ $status != 0 ]] ||
    answers ask_engine run --rm --network none --platform linux/arm64 "$PROBE_IMAGE" /probe || status=1
  remove_probe_image
  return "$status"
}

remove_probe_image() {
  [[ -n $PROBE_IMAGE ]] || return 0
  ask_engine rmi --force "$PROBE_IMAGE" >/dev/null 2>&1 || true
  PROBE_IMAGE=''
}

arm64_is_native() { [[ $(uname -m) == aarch64 ]]; }

arm64_works() {
  case $ARM64 in
    container) true ;;
    root) [[ $ENGINE != up ]] ;;
    # Without root and without an engine only the kernel's word is left for the flag.
    here) [[ $ENGINE != up && $EUID != 0 ]] && { arm64_is_native || [[ -n $(fixed_binfmt_entry) ]]; } ;;
    *) false ;;
  esac
}

# The name of an enabled binfmt_misc entry for aarch64 that has flag F.
fixed_binfmt_entry() {
  local entry
  for entry in "$BINFMT_DIR"/*; do
    [[ -r $entry && $entry != */register && $entry != */status ]] || continue
    if awk '/^enabled/ { on = 1 } /^flags:.*F/ { fixed = 1 } /^magic 7f454c46020101.*0200b700$/ { arm = 1 }
            END { exit !(on && fixed && arm) }' "$entry" 2>/dev/null; then
      printf '%s\n' "${entry##*/}"
      return
    fi
  done
}

# --- Survey: disk and packages ----------------------------------------------------------------------------------------

# Free space in GiB, rounded down, where PATH is or will be.
free_gib() { # PATH
  local path=$1
  until [[ -e $path ]]; do path=${path%/*} path=${path:-/}; done
  df -Pk "$path" | awk 'NR == 2 { printf "%d", $4 / 1048576 }'
}

is_installed() { [[ $(package_state "$1") == installed ]]; } # PACKAGE

# dpkg's word for it: installed, config-files, half-configured, ...; not-installed also when dpkg does not know it.
package_state() { # PACKAGE
  dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || printf 'not-installed'
}

not_installed() { # PACKAGE...
  local package
  for package; do is_installed "$package" || printf '%s\n' "$package"; done
}

# A field of os-release(5).
distribution() { # FIELD
  # shellcheck disable=SC1091  # Written for every distribution, so not there to be checked.
  (. /etc/os-release 2>/dev/null && printf '%s' "${!1:-}") || true
}

# Debian 12 or later; its testing release has no number.
is_debian() {
  local version
  [[ $(distribution ID) == debian ]] || return 1
  version=$(distribution VERSION_ID)
  [[ -z $version ]] || at_least "$version" "$OLDEST_DEBIAN"
}

# --- The table --------------------------------------------------------------------------------------------------------

MISSING=()

row() { # NAME ok|missing|note TEXT
  local colour=$GREEN
  case $2 in
    missing) colour=$RED MISSING+=("$1 ($3)") ;;
    note) colour=$YELLOW ;;
  esac
  say "$(printf '%-16s %s%-8s%s %s' "$1" "$colour" "$2" "$RESET" "$3")"
}

print_table() { # PACKAGE...
  MISSING=()
  engine_row
  buildx_row
  arm64_row
  disk_row
  packages_row "$@"
}

engine_row() {
  local lacks
  case $ENGINE in
    down) row engine missing "none answers at $ENGINE_HOST" ;;
    refused) row engine missing "$ENGINE_HOST is closed to user $(id -un): be root, or a member of group docker" ;;
    unknown) row engine missing "one runs, but there is no docker command to talk to it" ;;
    up)
      lacks=$(engine_lacks)
      if [[ -n $lacks ]]; then
        row engine missing "$lacks"
      else
        row engine ok "version $ENGINE_VERSION, API $ENGINE_API, ${ENGINE_STORE:-classic} image store, $ENGINE_HOST"
      fi
      ;;
  esac
}

buildx_row() {
  if [[ -z $CLIENT ]]; then
    row buildx missing "no docker command on PATH has it"
  elif ! at_least "$BUILDX_VERSION" "$MIN_BUILDX"; then
    row buildx missing "version $BUILDX_VERSION is too old, $MIN_BUILDX or later is needed ($CLIENT)"
  else
    row buildx ok "version $BUILDX_VERSION, client $CLIENT${ENGINE_BUILDER:+, driver $ENGINE_BUILDER}"
  fi
}

arm64_row() {
  local name='arm64 emulation' entry
  if arm64_is_native && engine_is_local; then name='arm64 (native)'; else entry=$(fixed_binfmt_entry); fi
  if ! arm64_works; then
    case $ARM64 in
      nowhere) row "$name" missing "an AArch64 program does not run" ;;
      here) row "$name" missing "an AArch64 program runs here, but not where its interpreter is out of sight (flag F)" ;;
      root) row "$name" missing "an AArch64 program runs here, but not in a container" ;;
    esac
  elif [[ $ARM64 == container ]]; then
    row "$name" ok "an AArch64 program ran in a container${entry:+ (binfmt_misc: $entry, flag F)}"
  else
    row "$name" ok "an AArch64 program ran on this machine${entry:+ (binfmt_misc: $entry, flag F)}"
  fi
}

disk_row() {
  local free
  if ! engine_is_local; then
    row 'free disk' note "not known: the engine is on another machine"
    return
  fi
  free=$(free_gib "$ENGINE_ROOT")
  if ((free < MIN_FREE_GIB)); then
    row 'free disk' missing "$free GiB at $ENGINE_ROOT, $MIN_FREE_GIB GiB are needed"
  else
    row 'free disk' ok "$free GiB at $ENGINE_ROOT ($MIN_FREE_GIB GiB are needed)"
  fi
}

packages_row() { # PACKAGE...
  local absent
  mapfile -t absent < <(not_installed "$@")
  if ((${#absent[@]} == 0)); then
    row packages ok "$*"
  elif is_debian; then
    row packages missing "${absent[*]}"
  else
    row packages note "not from Debian: without a container registry no base images (${absent[*]})"
  fi
}

# --- Set up: packages -------------------------------------------------------------------------------------------------

readonly APT_OPTIONS=(-y -o DPkg::Lock::Timeout=120 -o Acquire::Retries=1 -o Acquire::http::Timeout=20
  -o Acquire::https::Timeout=20 -o APT::Keep-Downloaded-Packages=false)

# Runs apt-get, and turns its failure into one line.
apt_get() { # WHAT ARGUMENT...
  local what=$1 start
  shift
  start=$(wc -c <"$SETUP_LOG" 2>/dev/null || echo 0)
  if ! DEBIAN_FRONTEND=noninteractive run_slow apt-get "${APT_OPTIONS[@]}" "$@"; then
    die "$what failed: $(tail -c "+$((start + 1))" "$SETUP_LOG" | apt_problem)"
  fi
}

# Reads what apt-get printed and says what is wrong and what to do.
apt_problem() {
  local text reason
  text=$(cat)
  reason=$(sed -n 's/^E: //p' <<<"$text" | head -n 1)
  case $text in
    *'No space left'* | *"don't have enough free space"*) printf 'the disk is full; free some space and run this again' ;;
    *'Could not resolve'* | *'Temporary failure resolving'* | *'Could not connect'* | *'Unable to connect'* | \
      *'Network is unreachable'* | *'Connection timed out'* | *'connection timed out'* | *'Connection failed'*)
      printf "the package mirror is out of reach; check the network and apt's configuration, then run this again" ;;
    *'Could not get lock'*) printf 'another package manager is at work; wait until it has ended, then run this again' ;;
    *'dpkg was interrupted'*) printf "an earlier installation was cut off; run 'dpkg --configure -a', then run this again" ;;
    *) printf '%s (log: %s)' "${reason:-apt-get gave no reason}" "$SETUP_LOG" ;;
  esac
}

# Lists of packages are fetched again before anything is installed: old lists name files that the mirror no longer has.
# A foreign source that is broken does not matter as long as what we need can be had.
refresh_lists() {
  say "fetching the lists of packages (apt-get update)"
  DEBIAN_FRONTEND=noninteractive run_slow apt-get "${APT_OPTIONS[@]}" update || true
}

# Prints FILE and SUITE of the source that gives the main part of the machine's own release, as apt itself sees it.
debian_source() {
  # shellcheck disable=SC2016  # apt-get fills these in, not the shell.
  apt-get indextargets --format '$(SOURCESENTRY) $(RELEASE)' 'Origin: Debian' "Codename: $OLD_SUITE" \
    'Component: main' 'Created-By: Packages' 2>/dev/null | sed -n '1s/:[0-9]* / /p'
}

has_new_suite() {
  # shellcheck disable=SC2016  # apt-get fills this in, not the shell.
  [[ -n $(apt-get indextargets --format '$(RELEASE)' 'Origin: Debian' "Codename: $NEW_SUITE" 'Component: main' \
    'Created-By: Packages' 2>/dev/null) ]]
}

# Prints the entry of FILE that gives the main part of suite HAVE, made to give the main part of suite WANT. Everything
# else (mirror, Signed-By, other options) stays as it is.
derive_source() { # FILE HAVE WANT
  case $1 in
    *.sources) derive_deb822_source "$@" ;;
    *) derive_list_source "$@" ;;
  esac
}

derive_deb822_source() { # FILE HAVE WANT
  awk -v have="$2" -v want="$3" '
    function has(list, word) { gsub(/[ \t]+/, " ", list); return index(" " list " ", " " word " ") }
    function flush() {
      if (!done && has(types, "deb") && has(suites, have) && has(components, "main") && on) {
        printf "Types: deb\nSuites: %s\nComponents: main\n%s", want, rest
        done = 1
      }
      types = suites = components = rest = field = ""; on = 1
    }
    BEGIN { on = 1 }
    /^#/ { next }
    /^[ \t]*$/ { flush(); next }
    /^[^ \t]/ { field = tolower($0); sub(/[ \t]*:.*/, "", field) }
    {
      value = $0
      if ($0 !~ /^[ \t]/) sub(/^[^:]*:/, "", value)
      if (field == "types") types = types " " value
      else if (field == "suites") suites = suites " " value
      else if (field == "components") components = components " " value
      else if (field == "enabled") on = tolower(value) !~ /^[ \t]*(no|false|0|off|without|disable)[ \t]*$/
      else rest = rest $0 "\n"
    }
    END { flush() }' "$1"
}

derive_list_source() { # FILE HAVE WANT
  awk -v have="$2" -v want="$3" '
    { sub(/#.*/, "") }
    $1 != "deb" { next }
    {
      options = ""
      if (match($0, /\[[^]]*\]/)) {
        options = substr($0, RSTART, RLENGTH) " "
        $0 = substr($0, 1, RSTART - 1) " " substr($0, RSTART + RLENGTH)
      }
      for (i = 4; i <= NF; i++)
        if ($3 == have && $i == "main") { printf "deb %s%s %s main\n", options, $2, want; exit }
    }' "$1"
}

# Debian 12: makes the next release known to apt, weighted so that nothing comes from there unless asked for by name.
offer_new_suite() {
  local file='' suite='' entry target
  ! has_new_suite || return 0
  read -r file suite < <(debian_source) || true
  [[ -n $file ]] || die "apt has no list of Debian $OLD_SUITE packages: $(tail -n 50 "$SETUP_LOG" | apt_problem)"
  entry=$(derive_source "$file" "$suite" "$NEW_SUITE")
  [[ -n $entry ]] || die "$file names no main part of Debian $suite in a form known here: add $NEW_SUITE to apt's sources yourself, then run this again"
  target=$APT_SOURCE.${file##*.}
  say "adding Debian $NEW_SUITE to apt's sources, at low priority: $target, $APT_PIN"
  # What is left of an earlier run goes: create_file is for files that are not there.
  rm -f "$APT_SOURCE".{list,sources} "$APT_PIN"
  create_directory "${target%/*}"
  create_directory "${APT_PIN%/*}"
  create_file "$APT_PIN" <<<"Package: *
Pin: release n=$NEW_SUITE
Pin-Priority: $NEW_SUITE_PRIORITY"
  create_file "$target" <<<"$entry"
  say "fetching the list of Debian $NEW_SUITE packages"
  apt_get "fetching the list of Debian $NEW_SUITE packages" update -o "Dir::Etc::sourcelist=$target" \
    -o Dir::Etc::sourceparts=/dev/null -o APT::Get::List-Cleanup=0 -o Acquire::Languages=none
  has_new_suite || die "the mirror in $file has no Debian $NEW_SUITE: $(tail -n 20 "$SETUP_LOG" | apt_problem)"
}

comes_from_new_suite() { # PACKAGE
  [[ $(distribution VERSION_CODENAME) == "$OLD_SUITE" &&
    " ${ENGINE_PACKAGES[*]} ${BUILDX_PACKAGES[*]} ${QEMU_PACKAGES[*]} ${SIGNING_PACKAGES[*]} " == *" $1 "* ]]
}

install_packages() { # PACKAGE...
  local package plan asked=() new=false
  (($# > 0)) || return 0
  is_debian || die "this is $(distribution PRETTY_NAME), not Debian $OLDEST_DEBIAN or later: install these (or what they are called there) yourself, then run this again: $*"
  finish_installation
  refresh_lists
  for package; do
    if comes_from_new_suite "$package"; then new=true asked+=("$package/$NEW_SUITE"); else asked+=("$package"); fi
  done
  ! "$new" || offer_new_suite
  plan=$(apt-get -s install --no-install-recommends "${asked[@]}" 2>&1) ||
    die "these packages cannot be installed: $*: $(apt_problem <<<"$plan")"
  accept_plan "$plan"
  record_plan "$plan"
  say "installing $(grep -c '^Inst' <<<"$plan") packages: $*"
  apt_get "installing packages" install --no-install-recommends "${asked[@]}"
  for package in "${RESTING_SERVICES[@]}"; do
    [[ " $* " != *" $package "* ]] || stop_service "$package"
  done
}

stop_service() { # NAME
  if [[ -d /run/systemd/system ]]; then
    systemctl disable --now "$1.service"
  elif [[ -x /etc/init.d/$1 ]]; then
    # What does not run cannot be stopped, either.
    "/etc/init.d/$1" stop || ! "/etc/init.d/$1" status
  fi >>"$SETUP_LOG" 2>&1 || warn "$1 could not be stopped: it may be listening on this machine"
}

# An earlier run may have been cut off in the middle of it.
finish_installation() {
  [[ -n $(journal_of package) && -n $(dpkg --audit) ]] || return 0
  say "finishing an installation that was cut off (dpkg --configure -a)"
  run_slow dpkg --configure -a || true
}

# A plan that removes something, or that touches the packages of an engine that runs, is none of ours to carry out.
accept_plan() { # PLAN
  local removed touched
  removed=$(awk '$1 == "Remv" { printf " %s", $2 }' <<<"$1")
  [[ -z $removed ]] || die "installing what is missing would remove$removed: remove or upgrade them yourself, then run this again"
  [[ $ENGINE == down ]] && return
  touched=$(awk '$1 == "Inst" && $3 ~ /^\[/ && $2 ~ /^(docker|containerd|runc)/ { printf " %s", $2 }' <<<"$1")
  [[ -z $touched ]] || die "installing buildx would replace parts of the running engine ($touched ): upgrade it yourself, or stop it and run this again"
}

record_plan() { # PLAN
  local package version step about
  while read -r package version; do
    step=package about=$package
    if [[ -n $version ]]; then
      step=upgrade about="$package $version"
    elif [[ $(package_state "$package") == config-files ]]; then
      # Removed at some time, with its configuration left in place: that has to be there again after undo.
      step=revival
    fi
    record "$step" "$about"
  done < <(awk '$1 == "Inst" { print $2, $3 ~ /^\[/ ? substr($3, 2, length($3) - 2) : "" }' <<<"$1")
}

# --- Set up: emulation ------------------------------------------------------------------------------------------------

mount_binfmt() {
  [[ ! -e $BINFMT_DIR/register ]] || return 0
  grep -qw binfmt_misc /proc/filesystems || modprobe binfmt_misc 2>/dev/null ||
    die "this kernel has no binfmt_misc, so it cannot run arm64 programs: use a kernel with CONFIG_BINFMT_MISC, or an arm64 machine"
  say "mounting binfmt_misc at $BINFMT_DIR"
  record mount "$BINFMT_DIR"
  mount -t binfmt_misc binfmt_misc "$BINFMT_DIR" 2>/dev/null ||
    die "binfmt_misc cannot be mounted at $BINFMT_DIR: in a container, run this on the machine itself"
}

register_qemu() {
  local name=qemu-aarch64 rule
  mount_binfmt
  [[ $(<"$BINFMT_DIR/status") == enabled ]] ||
    die "binfmt_misc is switched off: switch it on with 'echo 1 >$BINFMT_DIR/status', then run this again"
  # An entry without flag F is somebody's own; a later one goes before it.
  [[ ! -e $BINFMT_DIR/$name ]] || name='qemu-aarch64-fixed'
  [[ ! -e $BINFMT_DIR/$name ]] ||
    die "$BINFMT_DIR/$name is there, but arm64 programs do not run: remove it with 'echo -1 >$BINFMT_DIR/$name', then run this again"
  rule=$(binfmt_rule "$name")
  [[ -n $rule ]] || die "QEMU's user emulation for aarch64 is not installed: install qemu-user-static, then run this again"
  say "registering QEMU for arm64 programs: $BINFMT_DIR/$name"
  record binfmt "$name"
  printf '%s' "$rule" 2>/dev/null >"$BINFMT_DIR/register" ||
    die "the kernel did not take QEMU's entry in $BINFMT_DIR: in a container, run this on the machine itself"
}

# Prints the line that registers QEMU; nothing where QEMU is not installed.
binfmt_rule() { # NAME
  local qemu
  if [[ -r $BINFMT_CONFIG ]]; then
    fix_rule "$1" "$BINFMT_CONFIG"
  elif qemu=$(type -p qemu-aarch64-static || type -p qemu-aarch64); then
    printf ':%s:M::%s:%s:%s:OCF\n' "$1" "$AARCH64_MAGIC" "$AARCH64_MASK" "$qemu"
  fi
}

# The first rule of FILE, under NAME and with flag F.
fix_rule() { # NAME FILE
  sed -n "/^:/{ s/^:[^:]*:/:$1:/; /:[A-EG-Z]*\$/s/\$/F/; p; q; }" "$2"
}

# --- Set up: engine ---------------------------------------------------------------------------------------------------

has_systemd() { [[ -d /run/systemd/system ]]; }

# Before the engine's package is installed: on some machines that starts the engine at once.
prepare_engine() {
  local path
  if [[ ! -e $ENGINE_CONFIG ]]; then
    say "writing $ENGINE_CONFIG: images go to the containerd store, which OCI outputs and attestations need"
    create_directory "${ENGINE_CONFIG%/*}"
    create_file "$ENGINE_CONFIG" <<<'{"features": {"containerd-snapshotter": true}}'
  fi
  for path in "$ENGINE_DATA" "$CONTAINERD_DATA" /run/docker /run/containerd /opt/containerd /etc/cni; do
    [[ -e $path ]] || record data "$path"
  done
  getent group docker >/dev/null || record group docker
  record_network
}

# An engine adds rules of its own to the firewall, and a bridge. If there are any, they are an earlier engine's.
record_network() {
  local policy
  [[ -z $(journal_of network) ]] || return 0
  ! iptables -S 2>/dev/null | grep -q DOCKER || return 0
  policy=$(iptables -S FORWARD 2>/dev/null | awk '$1 == "-P" { print $3 }') || true
  record network "${policy:-ACCEPT} $(</proc/sys/net/ipv4/ip_forward)"
}

# The engine that this run has started; empty where systemd looks after it.
ENGINE_PID=''

start_engine() {
  if has_systemd; then
    say "starting the engine (systemctl start docker)"
    record service docker
    run_slow systemctl start docker || die "the engine does not start: 'journalctl -u docker' says why"
  elif [[ -n $(engine_process) ]]; then
    # Started by the installation of its package, a moment ago.
    ENGINE_PID=$(engine_process)
    record_engine "$ENGINE_PID"
  else
    mount_cgroups
    say "starting the engine (dockerd, log: $ENGINE_LOG)"
    start_dockerd
  fi
  wait_for_engine
}

# dockerd needs a place for its control groups; where no init system has mounted any, we do.
mount_cgroups() {
  ! mountpoint -q /sys/fs/cgroup || return 0
  say "mounting control groups at /sys/fs/cgroup"
  record mount /sys/fs/cgroup
  mount -t cgroup2 cgroup2 /sys/fs/cgroup 2>/dev/null ||
    die "control groups cannot be mounted at /sys/fs/cgroup: in a container, run this on the machine itself"
}

# In a session of its own, so that it outlives this script and its terminal. The new process writes itself down before
# it becomes dockerd. It must not keep the journal's lock.
start_dockerd() {
  (
    record_engine "$BASHPID"
    exec {JOURNAL_LOCK}>&-
    exec setsid dockerd
  ) >>"$ENGINE_LOG" 2>&1 </dev/null &
  ENGINE_PID=$!
}

# PID, start time and boot together name a process for good: a PID alone is used again.
record_engine() { # PID
  local stat
  read -r -a stat <"/proc/$1/stat"
  record engine "$1 ${stat[21]} $(</proc/sys/kernel/random/boot_id)"
}

wait_for_engine() {
  local deadline=$((SECONDS + START_TIMEOUT))
  while ((SECONDS < deadline)); do
    survey_client
    ! ask_engine version >/dev/null 2>&1 || return 0
    if [[ -n $ENGINE_PID ]] && ! kill -0 "$ENGINE_PID" 2>/dev/null; then
      die "the engine ended again: $(engine_complaint) (log: $ENGINE_LOG)"
    fi
    sleep 0.3
  done
  die "the engine does not answer after $START_TIMEOUT s: $(engine_complaint) (log: $ENGINE_LOG)"
}

# The engine's last words.
engine_complaint() {
  case $(tail -n 20 "$ENGINE_LOG" 2>/dev/null) in
    *'no space left'*) printf 'the disk is full; free some space and run this again' ;;
    *) tail -n 1 "$ENGINE_LOG" 2>/dev/null | cut -c 1-300 ;;
  esac
}

# --- Set up: all of it ------------------------------------------------------------------------------------------------

# Prints the packages that are missing, given what the survey found.
missing_packages() {
  if [[ $ENGINE == down ]] && ! has_usable_dockerd; then
    printf '%s\n' "${ENGINE_PACKAGES[@]}"
  fi
  if [[ -z $CLIENT ]] || ! at_least "$BUILDX_VERSION" "$MIN_BUILDX"; then
    if is_installed docker-ce-cli; then printf '%s\n' docker-buildx-plugin; else printf '%s\n' "${BUILDX_PACKAGES[@]}"; fi
  fi
  if engine_is_local && ! emulation_is_there && [[ -z $(binfmt_rule any) ]]; then
    printf '%s\n' "${QEMU_PACKAGES[@]}"
  fi
}

has_usable_dockerd() {
  local version
  type -p dockerd >/dev/null && version=$(dockerd --version 2>/dev/null) &&
    at_least "$(awk '{ sub(/[+,].*/, "", $3); print $3 }' <<<"$version")" "$MIN_ENGINE"
}

# Whether this machine's kernel runs arm64 programs as containers need it, whatever the engine says.
emulation_is_there() { [[ $ARM64 == root || $ARM64 == container ]]; }

# What this script must not or cannot change ends the run before anything is done.
refuse_foreign_trouble() {
  local lacks
  case $ENGINE in
    refused) die "$ENGINE_HOST is closed to user $(id -un): run this as root, or join group docker" ;;
    up)
      lacks=$(engine_lacks)
      [[ -z $lacks ]] || die "the engine at $ENGINE_HOST runs already and is not changed by this script: $lacks; restart it so, or stop it, then run this again"
      engine_is_local || arm64_works ||
        die "the engine at $ENGINE_HOST is on another machine and runs no arm64 programs: run this script there"
      ;;
    *)
      [[ $ENGINE_HOST == "$ENGINE_SOCKET" || $ENGINE_HOST == unix:///run/docker.sock ]] ||
        die "no engine answers at $ENGINE_HOST: start it, or unset DOCKER_HOST and 'docker context use default' to have one set up here"
      ;;
  esac
}

require_root() { # WHAT
  [[ $EUID == 0 ]] || die "$1 needs root: run 'sudo $0', or log in as root"
}

require_space() { # PATH GIB
  local free
  free=$(free_gib "$1")
  ((free >= $2)) ||
    die "the disk is nearly full: $free GiB free at $1, $2 GiB are needed; free some space, then run this again"
}

set_up() { # PACKAGE...
  local packages
  survey
  refuse_foreign_trouble
  mapfile -t packages < <(missing_packages; ! is_debian || not_installed "$@")
  if ((${#packages[@]} > 0)) || [[ $ENGINE == down ]] || { engine_is_local && ! emulation_is_there && [[ $EUID == 0 ]]; }; then
    require_root "setting up"
    ! engine_is_local || require_space "$ENGINE_ROOT" "$MIN_FREE_GIB"
    require_space /usr "$MIN_INSTALL_GIB"
    require_space /var/cache/apt "$MIN_INSTALL_GIB"
    open_journal
    [[ $ENGINE != down ]] || prepare_engine
    install_packages "${packages[@]}"
    finish_emulation
    [[ $ENGINE != down ]] || start_engine
    say "looking at the result"
    survey
  else
    say "nothing to do"
  fi
  print_table "$@"
  ((${#MISSING[@]} == 0)) || die "not ready: $(printf '%s; ' "${MISSING[@]}")correct that, then run this again"
}

finish_emulation() {
  engine_is_local || return 0
  survey_arm64
  emulation_is_there || register_qemu
}

# --- Undo -------------------------------------------------------------------------------------------------------------

# Steps that could not be taken back.
LEFT=0

leave() { # WHY
  warn "$*"
  LEFT=$((LEFT + 1))
}

undo() {
  local step abouts words index
  if [[ ! -e $JOURNAL ]]; then
    say "nothing to take back: no journal at $JOURNAL"
    return
  fi
  require_root "taking things back"
  open_journal
  check_journal
  # Whatever order they were made in: an engine ends before its data goes, and packages before their sources.
  for step in engine service network binfmt mount packages upgrade data group file directory; do
    if [[ $step == packages ]]; then
      undo_packages
      continue
    fi
    mapfile -t abouts < <(journal_of "$step" | tac)
    for ((index = 0; index < ${#abouts[@]}; index++)); do
      read -r -a words <<<"${abouts[index]}"
      "undo_$step" "${words[@]}"
    done
  done
  ((LEFT == 0)) || die "$LEFT things could not be taken back, see above; correct that and run '$PROGRAM --undo' again"
  rm -rf "$STATE_DIR" "$LOG_DIR"
  say "everything that this script did here has been taken back"
}

check_journal() {
  local line number=0
  while IFS= read -r line; do
    number=$((number + 1))
    case $line in
      engine$'\t'?*' '?*' '?* | service$'\t'?* | network$'\t'?*' '?* | binfmt$'\t'?* | mount$'\t'/?* | \
        package$'\t'?* | revival$'\t'?* | upgrade$'\t'?*' '?* | data$'\t'/?* | group$'\t'?* | \
        file$'\t'?*' /'?* | directory$'\t'/?*) ;;
      *) die "$JOURNAL line $number was not written by this script: correct or delete that line, then run this again" ;;
    esac
  done <"$JOURNAL"
}

undo_file() { # CHECKSUM PATH
  local sum
  [[ -e $2 ]] || return 0
  sum=$(sha256sum <"$2")
  if [[ ${sum%% *} != "$1" ]]; then
    # An interrupted run may have written the file more than once; its last version counts.
    journal_of file | grep -qxF "${sum%% *} $2" || say "keeping $2: it was changed after this script wrote it"
    return
  fi
  say "removing $2"
  [[ $2 != "$APT_SOURCE".* ]] || drop_lists "$2"
  rm -f "$2"
}

# The lists that apt has fetched from a source of ours.
drop_lists() { # SOURCE
  local list all
  # shellcheck disable=SC2016  # apt-get fills this in, not the shell.
  while read -r list; do
    all=${list%%_"$NEW_SUITE"_*}_$NEW_SUITE
    rm -f "$all"_* "${all%/*}/partial/${all##*/}"_*
  done < <(apt-get indextargets --format '$(FILENAME)' "Codename: $NEW_SUITE" -o "Dir::Etc::sourcelist=$1" \
    -o Dir::Etc::sourceparts=/dev/null 2>/dev/null | grep "_${NEW_SUITE}_" || true)
}

undo_directory() { # PATH
  # Not when somebody has put something in it.
  rmdir "$1" 2>/dev/null || true
}

undo_group() { # NAME
  local entry
  entry=$(getent group "$1") || return 0
  if [[ -n ${entry##*:} ]]; then
    say "keeping group $1: it has members"
    return
  fi
  say "removing group $1"
  groupdel "$1" 2>/dev/null || leave "group $1 cannot be removed"
}

# All at once, in the order that dpkg finds. dpkg, unlike apt, never removes what was not named: a package of ours that
# something else has come to need stays.
undo_packages() {
  local present purged package kept=()
  mapfile -t present < <({ journal_of package; journal_of revival; } | present_ones)
  mapfile -t purged < <(journal_of package | present_ones)
  ((${#present[@]} > 0)) || return 0
  say "removing ${#present[@]} packages: ${present[*]}"
  finish_installation
  run_slow dpkg --remove "${present[@]}" || refuse_when_locked
  # Purging Debian's docker.io runs this script, which deletes every image. Whether those go is decided by undo_data.
  rm -f "$ENGINE_DATA/nuke-graph-directory.sh"
  ((${#purged[@]} == 0)) || run_slow dpkg --purge "${purged[@]}" || true
  for package in "${present[@]}"; do
    ! is_installed "$package" || kept+=("$package")
  done
  ((${#kept[@]} == 0)) || say "keeping ${kept[*]}: other packages have come to need them"
}

refuse_when_locked() {
  [[ $(tail -n 3 "$SETUP_LOG") != *'lock was locked by another process'* ]] ||
    die "removing packages failed: another package manager is at work; wait until it has ended, then run this again"
}

present_ones() {
  local package
  while read -r package; do
    [[ $(package_state "$package") == not-installed ]] || printf '%s\n' "$package"
  done
}

undo_upgrade() { # PACKAGE VERSION
  [[ $(dpkg-query -W -f '${Version}' "$1" 2>/dev/null) != "$2" ]] || return 0
  say "putting back $1 $2"
  DEBIAN_FRONTEND=noninteractive run_slow apt-get "${APT_OPTIONS[@]}" install --no-install-recommends \
    --allow-downgrades "$1=$2" ||
    leave "$1 $2 cannot be put back (log: $SETUP_LOG)"
}

undo_mount() { # PATH
  mountpoint -q "$1" || return 0
  say "unmounting $1"
  umount "$1" 2>/dev/null || leave "$1 cannot be unmounted: it is in use"
}

undo_binfmt() { # NAME
  [[ -e $BINFMT_DIR/$1 ]] || return 0
  say "unregistering $BINFMT_DIR/$1"
  printf -- '-1' 2>/dev/null >"$BINFMT_DIR/$1" || leave "$BINFMT_DIR/$1 cannot be unregistered"
}

undo_engine() { # PID START BOOT
  is_process "$@" || return 0
  say "stopping the engine (dockerd, process $1) and the containers that run on it"
  kill "$1" 2>/dev/null || true
  local deadline=$((SECONDS + STOP_TIMEOUT))
  while is_process "$@" && ((SECONDS < deadline)); do sleep 0.2; done
  ! is_process "$@" || leave "dockerd (process $1) has not ended after $STOP_TIMEOUT s"
}

is_process() { # PID START BOOT
  local stat
  [[ $3 == "$(</proc/sys/kernel/random/boot_id)" ]] || return 1
  read -r -a stat 2>/dev/null <"/proc/$1/stat" || return 1
  [[ ${stat[21]} == "$2" && ${stat[2]} != Z ]]
}

undo_service() { # NAME
  [[ $(systemctl is-active "$1" 2>/dev/null) == active ]] || return 0
  say "stopping the engine (systemctl stop $1) and the containers that run on it"
  systemctl stop "$1" "$1.socket" 2>/dev/null || leave "service $1 cannot be stopped"
}

# Images, containers and volumes are the user's work, not this script's: an engine's folder goes only without any.
undo_data() { # PATH
  [[ -d $1 ]] || return 0
  if [[ -n $(engine_process) ]]; then
    leave "keeping $1: an engine runs on it"
    return
  fi
  # dockerd mounts its folder on itself.
  ! mountpoint -q "$1" || umount -R "$1" 2>/dev/null || true
  if [[ $1 == "$ENGINE_DATA" || $1 == "$CONTAINERD_DATA" ]] && engine_holds_work; then
    say "keeping $1 ($(du -sh "$1" 2>/dev/null | cut -f 1)): it holds images, containers or volumes; 'rm -r $1' deletes them"
  else
    say "removing $1"
    rm -rf --one-file-system "$1" || leave "$1 cannot be removed"
  fi
}

engine_holds_work() {
  local blobs=io.containerd.content.v1.content/blobs
  [[ -n $(find "$ENGINE_DATA/containerd/daemon/$blobs" "$CONTAINERD_DATA/$blobs" "$ENGINE_DATA"/image/*/imagedb/content \
    "$ENGINE_DATA/containers" "$ENGINE_DATA/volumes" -mindepth 1 ! -name backingFsBlockDev ! -name metadata.db \
    ! -name sha256 -print -quit 2>/dev/null) ]]
}

undo_network() { # POLICY FORWARDING
  local tool
  [[ -z $(engine_process) && -e /sys/class/net/docker0 ]] || return 0
  say "removing the engine's bridge and firewall rules"
  for tool in iptables ip6tables; do
    drop_engine_rules "$tool" "$1" || true
  done
  printf '%s' "$2" >/proc/sys/net/ipv4/ip_forward
  ip link delete docker0 2>/dev/null || warn "docker0 stays until the machine starts again: there is no ip command to remove it"
}

drop_engine_rules() { # TOOL POLICY
  type -p "$1-save" >/dev/null || return 0
  "$1-save" | grep -vE 'DOCKER|docker0|[ ]br-[0-9a-f]{12}' | "$1-restore" && "$1" -P FORWARD "$2"
}

# --- Start ------------------------------------------------------------------------------------------------------------

WORK_DIR=''

clean_up() {
  stop_progress
  remove_probe_image
  [[ -z $WORK_DIR ]] || rm -rf "$WORK_DIR"
}

# A fault that nobody has foreseen still gets its line. Subshells hand theirs on to the shell that started them.
stumbled() { # LINE COMMAND
  local log=''
  ((BASH_SUBSHELL == 0)) || return 0
  [[ ! -e $SETUP_LOG ]] || log=" (log: $SETUP_LOG)"
  warn "stopped at line $1, where this failed: $2$log"
}

interrupted() {
  trap - INT TERM HUP
  warn "interrupted: run this again to go on, or '$PROGRAM --undo' to take back what was done"
  exit 130
}

main() {
  local mode='' packages=("${BASE_PACKAGES[@]}") argument
  for argument; do
    case $argument in
      --check | --undo)
        [[ -z $mode || --$mode == "$argument" ]] || die "--check and --undo are two things to do: say one of them"
        mode=${argument#--}
        ;;
      --tests) packages+=("${TEST_PACKAGES[@]}") ;;
      -q | --quiet) QUIET=true ;;
      -h | --help) usage && exit ;;
      *) die "unknown option '$argument': '$PROGRAM --help' names the known ones" ;;
    esac
  done
  choose_colours
  WORK_DIR=$(mktemp -d 2>/dev/null) || die "cannot write to ${TMPDIR:-/tmp}: is the disk full? Free some space and run this again"
  trap clean_up EXIT
  trap 'stumbled "$LINENO" "$BASH_COMMAND"' ERR
  trap interrupted INT TERM HUP
  case $mode in
    check)
      survey
      print_table "${packages[@]}"
      ((${#MISSING[@]} == 0)) || exit 1
      ;;
    undo) undo ;;
    *) set_up "${packages[@]}" ;;
  esac
}

[[ ${BASH_SOURCE[0]} != "$0" ]] || main "$@"
