#!/bin/bash
# Makes the Debian package from a binary that is built.
#
#   make build man && deploy/debian/build.sh .build/release/artifacts-gateway [FOLDER] [MAN PAGE]
#
# The manual page is what make man has written, unless another is named; without either, the package has none.
# Prints the package's name, FOLDER/artifacts-gateway_VERSION_ARCHITECTURE.deb; FOLDER is the current one by default. Needs
# dpkg-deb, binutils and gzip, and no root.
set -euo pipefail

here=$(dirname "$(realpath "${BASH_SOURCE[0]}")")
source=$(realpath "$here/../..")
gateway=$(realpath "$1")
target=$(realpath "${2:-.}")
manual=${3:-$source/.build/artifacts-gateway.1}
if [[ -n ${3:-} && ! -r $manual ]]; then
  echo "$manual: no such manual page" >&2
  exit 66
fi

version=$("$gateway" version --json | sed -n 's/.*"version" *: *"\([^"]*\)".*/\1/p')
architecture=$(dpkg --print-architecture)
work=$(mktemp -d "${TMPDIR:-/tmp}/artifacts-gateway-deb.XXXXXX")
trap 'rm -rf "$work"' EXIT
root=$work/root
# What the package contains does not depend on who makes it, or when: the last change tells the time.
umask 022
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git -C "$source" log -1 --format=%ct 2>/dev/null || date +%s)}
export SOURCE_DATE_EPOCH

install -D -m 0755 "$gateway" "$root/usr/bin/artifacts-gateway"
strip "$root/usr/bin/artifacts-gateway"
install -D -m 0644 "$source/deploy/systemd/config.toml" "$root/etc/artifacts-gateway/config.toml"
units=$root/usr/lib/systemd/system
install -D -m 0644 -t "$units" "$source"/deploy/systemd/artifacts-gateway.{service,socket}
# A package's program is in /usr/bin, and how to install by hand is not for those who have it.
sed -i -e '1,/^$/d' -e 's|/usr/local/bin/|/usr/bin/|' "$units"/artifacts-gateway.{service,socket}
documents=$root/usr/share/doc/artifacts-gateway
install -D -m 0644 "$here/copyright" "$documents/copyright"
gzip -9n <"$source/CHANGELOG.md" >"$documents/CHANGELOG.md.gz"
gzip -9n >"$documents/changelog.gz" <<END
artifacts-gateway ($version) stable; urgency=medium

  * See CHANGELOG.md.gz.

 -- $(sed -n 's/^Maintainer: //p' "$here/control")  $(date --utc --rfc-email --date "@$SOURCE_DATE_EPOCH")
END
if [[ -r $manual ]]; then
  install -d "$root/usr/share/man/man1"
  gzip -9n <"$manual" >"$root/usr/share/man/man1/artifacts-gateway.1.gz"
fi

install -d "$root/DEBIAN"
install -m 0755 -t "$root/DEBIAN" "$here"/{postinst,prerm,postrm}
echo /etc/artifacts-gateway/config.toml >"$root/DEBIAN/conffiles"
(cd "$root" && find . -type f -not -path './DEBIAN/*' -printf '%P\0' | sort -z | xargs -0 md5sum) >"$root/DEBIAN/md5sums"
size=$(du --summarize --block-size=1024 --apparent-size --exclude=DEBIAN "$root" | cut -f1)
sed -e "s/@VERSION@/$version/" -e "s/@ARCHITECTURE@/$architecture/" -e "s/@SIZE@/$size/" "$here/control" >"$root/DEBIAN/control"

package=$target/artifacts-gateway_${version}_$architecture.deb
dpkg-deb --root-owner-group --build "$root" "$package" >/dev/null
echo "$package"
