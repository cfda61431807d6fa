// What the planner is asked: the cluster as it is now, with the memory that other models leave, and the models with the
// costs that were measured. Pure functions of the hub's parts.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "hub/layout.hpp"
#include "hub/links.hpp"
#include "hub/measuring.hpp"
#include "hub/membership.hpp"
#include "plan/problem.hpp"
#include "wire/client_messages.hpp"

namespace shoal::hub {

/// What was asked for, and what makes two askers share one deployment.
struct OpenSpec {
    std::vector<KnownGraph> graphs{};
    plan::Objective objective = plan::Objective::latency;
    plan::Merge merge = plan::Merge::hand_over;
    std::vector<double> weights{};
    std::uint32_t replicas = 0;
    std::vector<wire::Named> settings{};
};
/// Takes the message apart. Throws invalid_argument for what contradicts itself: no model, digests that are not the
/// graphs', an ensemble of unlike models or without a merge, settings of the planner that make no sense.
[[nodiscard]] OpenSpec open_spec(wire::OpenModel message);
[[nodiscard]] base::Digest identity_of(const OpenSpec& spec);

/// The boards that a plan may use, as the planner numbers them.
struct ClusterView {
    plan::Cluster cluster{};
    std::vector<Place> places{};            ///< by the planner's numbers
    std::vector<std::uint64_t> sessions{};  ///< of those boards when the view was taken
    std::vector<double> scales{};           ///< Measuring::scale() of each that its plans count with

    /// All boards that the plan uses are in the session in which they were.
    [[nodiscard]] bool holds(const plan::Plan& plan, const Membership& membership) const;
    /// Planner's numbers of boards that are not (any more).
    [[nodiscard]] std::vector<std::uint32_t> gone(const Membership& membership) const;
};

using MemoryByPlace = std::map<Seat, std::uint64_t>;

/// What a model must do without.
struct Restrictions {
    std::map<std::string, std::uint64_t> excluded{};  ///< boards, in that session
    MemoryByPlace allowance{};                        ///< at most so much there
};

/// Where plans may put something, and how much. `taken`: what other models keep there.
[[nodiscard]] MemoryByPlace room_for(const Membership& membership, const MemoryByPlace& taken,
                                     const Restrictions& restrictions);
/// What `plan` keeps on these places fits into that room.
[[nodiscard]] bool fits(const plan::Plan& plan, const std::vector<Place>& places, const MemoryByPlace& room);

[[nodiscard]] ClusterView view_of(const Membership& membership, const Links& links, const MemoryByPlace& taken,
                                  const Restrictions& restrictions);

/// Notes in the view with which scales the kernels count.
[[nodiscard]] plan::Problem problem_of(const OpenSpec& spec, ClusterView& view, const Measuring& measuring);

/// What the plan keeps where.
[[nodiscard]] MemoryByPlace memory_of(const plan::Plan& plan, const std::vector<Place>& places);

/// The plan's boards by name, for people; boards with several devices as "name:device".
[[nodiscard]] std::vector<std::string> board_names(const ClusterView& view);

}  // namespace shoal::hub
