#include "transport/allow_watch.hpp"

namespace shoal::transport {

AllowWatch::AllowWatch(std::vector<std::filesystem::path> paths, std::shared_ptr<AllowList> list)
    : paths_(std::move(paths)), list_(std::move(list)) {}

std::optional<std::string> AllowWatch::look() {
    const auto now = base::SteadyClock::now();
    if (!list_ || (looked_ != base::TimePoint{} && now < looked_ + kPause)) return std::nullopt;
    looked_ = now;
    std::string problem;
    try {
        AllowList fresh;
        for (const auto& path : paths_)
            fresh.load(path);
        list_->become(fresh);
    } catch (const std::exception& error) {
        problem = error.what();
    }
    const bool is_new = !problem.empty() && problem != problem_;
    problem_ = problem;
    return is_new ? std::optional("the list of allowed keys stays as it was: " + problem) : std::nullopt;
}

}  // namespace shoal::transport
