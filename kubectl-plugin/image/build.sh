#!/bin/sh
# Builds the image of the controller, as an OCI image layout, without a container engine.
#
#   build.sh LAYOUT:TAG kubectl-gitops [PROGRAM...]
#
# LAYOUT is a folder; it is made where it is not there. kubectl-gitops is the binary of this repository; each PROGRAM (helm,
# kustomize) goes beside it, under its own name. Needs mmdebstrap and umoci. What is around them is Debian, of which only
# what they need is there: git, ssh, gnupg and certificates.
#
# SUITE names Debian's release (bookworm), MIRROR where it comes from, ARCHITECTURE which one. With SOURCE_DATE_EPOCH
# and one state of the mirror, the layers are the same bytes each time.
set -eu

if [ $# -lt 2 ]; then
    sed -n 's/^# \{0,1\}//; 2,13p' "$0" >&2
    exit 2
fi
image=$1
shift
case $image in
*:*) layout=${image%:*} ;;
*)
    echo "build.sh: $image has no tag: write LAYOUT:TAG" >&2
    exit 2
    ;;
esac
for program in mmdebstrap umoci; do
    if ! command -v "$program" >/dev/null; then
        echo "build.sh: $program is not there; Debian has a package of that name" >&2
        exit 2
    fi
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
mkdir "$work/bin"
for program in "$@"; do
    install -m 0755 "$program" "$work/bin/$(basename "$program")"
done
if [ ! -x "$work/bin/kubectl-gitops" ]; then
    echo "build.sh: none of these is kubectl-gitops: $*" >&2
    exit 2
fi

# The user has no name's rights: nothing on the file system belongs to it but its state.
mmdebstrap --quiet --variant=essential \
    --include=ca-certificates,git,gnupg,openssh-client \
    ${ARCHITECTURE:+--architectures="$ARCHITECTURE"} \
    --aptopt='APT::Install-Recommends "false"' \
    --dpkgopt='path-exclude=/usr/share/doc/*' \
    --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/man/*' \
    --customize-hook="sync-in '$work/bin' /usr/local/bin" \
    --customize-hook='echo "gitops:x:65532:65532::/var/lib/kubectl-gitops:/usr/sbin/nologin" >>"$1/etc/passwd"' \
    --customize-hook='echo "gitops:x:65532:" >>"$1/etc/group"' \
    --customize-hook='install -d -o 65532 -g 65532 -m 0700 "$1/var/lib/kubectl-gitops"' \
    "${SUITE:-bookworm}" "$work/root.tar" ${MIRROR:+"$MIRROR"}

if [ ! -d "$layout" ]; then
    umoci init --layout "$layout"
fi
umoci new --image "$image"
umoci raw add-layer --image "$image" "$work/root.tar"
umoci config --image "$image" \
    --config.user 65532:65532 \
    --config.workingdir /var/lib/kubectl-gitops \
    --config.env HOME=/var/lib/kubectl-gitops \
    --config.env PATH=/usr/local/bin:/usr/bin:/bin \
    --config.exposedports 8080/tcp \
    --config.entrypoint /usr/local/bin/kubectl-gitops
umoci gc --layout "$layout"
echo "$image"
