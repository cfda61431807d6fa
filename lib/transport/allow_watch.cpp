#include "transport/allow_watch.hpp"

#include <algorithm>
#include <iterator>

#include "base/error.hpp"

namespace shoal::transport {

AllowWatch::AllowWatch(std::vector<std::filesystem::path> paths, std::shared_ptr<AllowList> list)
    : paths_(std::move(paths)), list_(std::move(list)) {}

std::vector<std::string> AllowWatch::look() {
    const auto now = base::SteadyClock::now();
    if (!list_ || (looked_ != base::TimePoint{} && now < looked_ + kPause)) return {};
    looked_ = now;
    std::vector<std::string> problems, fresh_problems;
    try {
        AllowList fresh;
        for (const auto& path : paths_)
            fresh.load_what_is_good(path, problems);
        list_->become(fresh);
    } catch (const std::exception& error) {
        problems = {base::text("the list of allowed keys stays as it was: ", error.what())};
    }
    std::copy_if(problems.begin(), problems.end(), std::back_inserter(fresh_problems), [&](const std::string& problem) {
        return std::find(told_.begin(), told_.end(), problem) == told_.end();
    });
    told_ = std::move(problems);
    return fresh_problems;
}

}  // namespace shoal::transport
