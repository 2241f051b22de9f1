#!/usr/bin/env bash
# Installs the Debian packages of a list (debian.txt) that are missing, when root; says so otherwise and goes on:
# those of debian.txt are needed to look at pages in tests, not to run Privet; those of debian-spark.txt for Spark.
set -u
cd "$(dirname "$0")" || exit 1
command -v dpkg-query >/dev/null || exit 0
missing=()
while read -r package; do
  dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed || missing+=("$package")
done < "${1:-debian.txt}"
[ "${#missing[@]}" -eq 0 ] && exit 0
if [ "$(id -u)" -ne 0 ]; then
  echo "Not root: please have these Debian packages installed: ${missing[*]}" >&2
  exit 0
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if apt-get update -qq >"$log" 2>&1 && apt-get install -y -qq --no-install-recommends "${missing[@]}" >>"$log" 2>&1; then
  exit 0
fi
tail -n 5 "$log" >&2
echo "Could not install Debian packages: ${missing[*]}" >&2
exit 0
