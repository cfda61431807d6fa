// Copies of what three kinds of board show in /proc and /sys, cut down to what Shoal reads. Written for these tests
// after the formats' documentation and public listings of such boards; figures are made up where they do not matter.
#pragma once

#include "support/temporary_folder.hpp"

namespace shoal::test {

void make_raspberry_pi_5(const TemporaryFolder& root);   ///< four equal cores, firmware that reports throttling
void make_rk3588(const TemporaryFolder& root);           ///< big.LITTLE in three clusters, no pressure information
void make_virtual_machine(const TemporaryFolder& root);  ///< x86-64, in a control group, nothing scales or heats

}  // namespace shoal::test
