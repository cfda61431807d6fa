# Sourced: what the scripts here know of an architecture. Sets triple, qemu, cpu, compiler (its package) and sysroot, or ends.
case ${arch:-} in
  aarch64) triple=aarch64-linux-gnu qemu=qemu-aarch64 cpu=cortex-a53 debian=arm64 ;;
  armhf) triple=arm-linux-gnueabihf qemu=qemu-arm cpu=cortex-a7 debian=armhf ;;
  riscv64) triple=riscv64-linux-gnu qemu=qemu-riscv64 cpu=rv64 debian=riscv64 ;;
  *)
    echo "${0##*/}: which architecture? aarch64, armhf or riscv64" >&2
    exit 2
    ;;
esac
compiler=g++-$triple
sysroot=${SHOAL_SYSROOTS:-$HOME/.cache/shoal/sysroots}/$arch
