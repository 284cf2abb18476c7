#!/bin/sh
# Makes a root of its own and runs a command in it, as a container engine would: the system's programs, an /etc, what is
# named, and nothing else; read-only but for /tmp and what is named as writable. To be run in a mount namespace.
#   box.sh ROOT ETC USER [INSIDE OUTSIDE r|w]… -- COMMAND…
set -eu
root=$1 etc=$2 user=$3
shift 3

put() { # inside, outside, mode
    mkdir -p "$root$1"
    mount --bind "$2" "$root$1"
    [ "$3" = w ] || mount -o remount,bind,ro "$root$1"
}

mount --make-rprivate /
mount -t tmpfs -o mode=755 box "$root"
for top in /bin /lib /lib64 /sbin /usr; do
    if [ -L "$top" ]; then
        cp -P "$top" "$root$top"
    elif [ -d "$top" ]; then
        put "$top" "$top" r
    fi
done
put /etc "$etc" r
put /dev /dev w
mkdir "$root/proc" "$root/tmp"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 tmp "$root/tmp"
while [ "$1" != -- ]; do
    put "$1" "$2" "$3"
    shift 3
done
shift
mount -o remount,ro "$root"
exec chroot "$root" setpriv --reuid "$user" --regid 0 --clear-groups --no-new-privs --bounding-set=-all "$@"
