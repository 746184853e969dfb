#!/bin/bash
# pg_isready, which the npm package does not have, over TCP: 0 where a server takes connections, 1 where it is not
# ready for them yet, 2 where nothing answers.
set -uo pipefail

host=localhost port=5432 user=postgres database=
while (($# > 1)); do
  case $1 in
    --host) host=$2 ;;
    --port) port=$2 ;;
    --username) user=$2 ;;
    --dbname) database=$2 ;;
    *) echo "pg_isready: unknown option $1" >&2 && exit 3 ;;
  esac
  shift 2
done
: "${database:=$user}"

if ! { exec 3<>"/dev/tcp/$host/$port"; } 2>/dev/null; then
  echo "$host:$port - no response"
  exit 2
fi
# A start of a session, as protocol 3.0 has it: length, version, names and values that end with a zero byte each.
printf -v length '\\x%02x' $((8 + 5 + ${#user} + 1 + 9 + ${#database} + 2))
printf "\\0\\0\\0$length\\0\\003\\0\\0user\\0%s\\0database\\0%s\\0\\0" "$user" "$database" >&3
IFS= read -r -N 1 -t 3 answer <&3
# R: the server asks for a password. E: it says why it does not.
if [[ ${answer:-} == R ]]; then
  echo "$host:$port - accepting connections"
  exit 0
fi
echo "$host:$port - rejecting connections"
exit 1
