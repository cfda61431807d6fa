#include "plan/link_classes.hpp"

#include <algorithm>
#include <map>

namespace shoal::plan {
namespace {

// Classes of numbers, each named by its first in order: from there on, all within the spread.
template <class Before>
std::map<double, double> classes(std::vector<double> values, double spread, Before before) {
    std::sort(values.begin(), values.end(), before);
    std::map<double, double> out;
    double name = 0;
    for (const double value : values) {
        const double high = std::max(name, value), low = std::min(name, value);
        if (out.empty() || high > low * spread) name = value;
        out[value] = name;
    }
    return out;
}

}  // namespace

Cluster with_link_classes(const Cluster& cluster, double spread) {
    Cluster out = cluster;
    std::vector<double> latencies, rates;
    for (std::size_t from = 0; from < out.links.size(); ++from) {
        for (std::size_t to = 0; to < out.links.size(); ++to) {
            if (from == to) continue;
            latencies.push_back(out.links[from][to].latency_s);
            rates.push_back(out.links[from][to].bytes_per_s);
        }
    }
    // A rate of 0 is unknown, and no worse than any: a class of its own.
    const auto latency = classes(std::move(latencies), spread, std::greater<>());
    const auto rate = classes(std::move(rates), spread, std::less<>());
    for (std::size_t from = 0; from < out.links.size(); ++from) {
        for (std::size_t to = 0; to < out.links.size(); ++to) {
            if (from == to) continue;
            Link& link = out.links[from][to];
            link.latency_s = latency.at(link.latency_s);
            link.bytes_per_s = rate.at(link.bytes_per_s);
        }
    }
    return out;
}

}  // namespace shoal::plan
