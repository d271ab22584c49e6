# SPDX-License-Identifier: Apache-2.0
# What the benchmark scripts share: a folder, servers that end with the script, and readings from /proc.

work=$(mktemp -d)
chmod 755 "$work"
started=()
finish() {
    local all=()
    for id in "${started[@]}"; do all+=($(family "$id")); done
    # what was stopped could not end: PostgreSQL's and nginx's children outlive a parent that is killed
    for signal in CONT TERM KILL; do
        kill "-$signal" "${all[@]}" 2> /dev/null || true
        if [ "$signal" = TERM ]; then sleep 0.5; fi
    done
    wait 2> /dev/null || true
    rm -rf "$work"
}
trap finish EXIT

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# start NAME CMD…: in the background, with its output in $work/NAME.log; its id is in $last
start() {
    local name=$1
    shift
    "$@" > "$work/$name.log" 2>&1 &
    last=$!
    started+=("$last")
}

until_ready() {
    for _ in $(seq 200); do
        if curl -s -o /dev/null --max-time 1 "$1"; then return; fi
        sleep 0.05
    done
    echo "no answer from $1" >&2
    tail -n 5 "$work"/*.log >&2
    exit 1
}

# PostgreSQL does not run as root.
as_postgres() {
    if [ "$(id -u)" -eq 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else "$@"; fi
}

start_postgres() {
    postgres_port=$(free_port)
    local bin=/usr/lib/postgresql/15/bin
    mkdir "$work/pg"
    if [ "$(id -u)" -eq 0 ]; then chown postgres "$work/pg"; fi
    as_postgres "$bin/initdb" -D "$work/pg" -A trust -U postgres --no-sync > "$work/initdb.log"
    start postgres as_postgres "$bin/postgres" -D "$work/pg" -p "$postgres_port" -c listen_addresses=127.0.0.1 \
        -c unix_socket_directories="$work/pg" -c fsync=off
    until "$bin/pg_isready" -q -h 127.0.0.1 -p "$postgres_port"; do sleep 0.1; done
    postgres_id=$(head -n 1 "$work/pg/postmaster.pid")
    started+=("$postgres_id")
    postgres_url=postgresql://postgres@127.0.0.1:$postgres_port/postgres
}

start_redis() {
    redis_port=$(free_port)
    start redis redis-server --port "$redis_port" --bind 127.0.0.1 --save "" --dir "$work"
    redis_id=$last
    until redis-cli -p "$redis_port" ping > /dev/null 2>&1; do sleep 0.1; done
}

# A web server that always answers 200, on `web_port`; its id is in `last`.
start_nginx() {
    web_port=$(free_port)
    cat > "$work/nginx.conf" << CONFIG
daemon off;
worker_processes 1;
pid $work/nginx.pid;
events { worker_connections 2048; }
http {
  access_log off;
  keepalive_requests 1000000000;
  client_body_temp_path $work/body; proxy_temp_path $work/proxy; fastcgi_temp_path $work/fastcgi;
  uwsgi_temp_path $work/uwsgi; scgi_temp_path $work/scgi;
  default_type text/plain;
  server { listen 127.0.0.1:$web_port; location / { return 200 "ok"; } }
}
CONFIG
    start nginx nginx -c "$work/nginx.conf" -e "$work/nginx-error.log"
}

# Four exporters for PostgreSQL, Redis, this machine and probes of nginx: their ids in `exporters`, their ports by name in `exporter_ports`.
start_exporters() {
    declare -gA exporter_ports=()
    local name
    for name in postgres redis node blackbox; do exporter_ports[$name]=$(free_port); done
    start postgres_exporter env DATA_SOURCE_NAME="$postgres_url?sslmode=disable" prometheus-postgres-exporter \
        --web.listen-address="127.0.0.1:${exporter_ports[postgres]}"
    exporters=("$last")
    start redis_exporter prometheus-redis-exporter -web.listen-address "127.0.0.1:${exporter_ports[redis]}" \
        -redis.addr "redis://127.0.0.1:$redis_port"
    exporters+=("$last")
    start node_exporter prometheus-node-exporter --web.listen-address="127.0.0.1:${exporter_ports[node]}"
    exporters+=("$last")
    printf 'modules: { web: { prober: http, timeout: 5s, http: { preferred_ip_protocol: ip4 } } }\n' > "$work/blackbox.yml"
    start blackbox_exporter prometheus-blackbox-exporter --config.file="$work/blackbox.yml" \
        --web.listen-address="127.0.0.1:${exporter_ports[blackbox]}"
    exporters+=("$last")
    for name in "${!exporter_ports[@]}"; do until_ready "http://127.0.0.1:${exporter_ports[$name]}/metrics"; done
}

# The process and what it has started.
family() {
    local child
    echo "$1"
    for child in $(pgrep -P "$1" || true); do family "$child"; done
}

# Hundredths of a second of processor time that these processes have used.
ticks() {
    local sum=0 used
    for id in "$@"; do
        used=$(awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$id/stat" 2> /dev/null || echo 0)
        sum=$((sum + used))
    done
    echo "$sum"
}

# KiB of memory, shared pages divided among those who share them.
memory() {
    local sum=0 used
    for id in "$@"; do
        used=$(awk '/^Pss:/ { print $2 }' "/proc/$id/smaps_rollup" 2> /dev/null || echo 0)
        sum=$((sum + used))
    done
    echo "$sum"
}

# verdict NAME FIGURE OPERATOR BAR: one line, and a mark for the end
missed=0
verdict() {
    if awk -v a="$2" -v b="$4" -v o="$3" 'BEGIN { exit !(o == "<=" ? a <= b : a >= b) }'; then
        echo "  ok    $1: $2 (bar $3 $4)"
    else
        echo "  MISS  $1: $2 (bar $3 $4)"
        missed=1
    fi
}
