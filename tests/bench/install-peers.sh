#!/bin/sh
# Installs the programs that cua bench measures beside cua. Run as root or by a user with sudo.
exec "$(dirname "$0")/../../containers/install-deps.sh" peers
