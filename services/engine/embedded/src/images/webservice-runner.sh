#!/bin/sh
# Starts the web server of a tool: webservice-runner --type TYPE --port PORT [COMMAND...]
# A command is executed as it is. Without one, what is in the tool's home decides.
set -eu

type=generic
port=${PORT:-8000}
while [ $# -gt 0 ]; do
    case $1 in
        --type) type=$2; shift 2 ;;
        --port) port=$2; shift 2 ;;
        --) shift; break ;;
        *) break ;;
    esac
done
export PORT="$port"
if [ $# -gt 0 ]; then
    exec "$@"
fi

files=$HOME/public_html
if [ -d "$HOME/www/static" ]; then
    files=$HOME/www/static
fi

case $type in
    python)
        if [ -x "$HOME/www/python/venv/bin/python" ]; then
            PATH=$HOME/www/python/venv/bin:$PATH
            export PATH
        fi
        if [ -f "$HOME/www/python/src/app.py" ]; then
            cd "$HOME/www/python/src"
            # a thread per request; app.py has the WSGI callable "app" (PEP 3333)
            exec python3 -c '
import os, sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server
sys.path.insert(0, "")
from app import app
class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
make_server("", int(os.environ["PORT"]), app, server_class=Server).serve_forever()
'
        fi
        mkdir -p "$files"
        exec python3 -m http.server --directory "$files" "$port"
        ;;
    node)
        cd "$HOME/www/js"
        exec npm start
        ;;
    php)
        mkdir -p "$files"
        exec php -S "0.0.0.0:$port" -t "$files"
        ;;
    *)
        echo "webservice-runner: type $type needs a command" >&2
        exit 64
        ;;
esac
