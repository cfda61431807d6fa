// Classifies the images of a folder on a cluster, many at a time, while one of its boards may be killed.
//
//   digits FOLDER --hub HOST:PORT [--key NAME --hub-key FILE] [--kill PROCESS] [--deadline SECONDS] [--result FILE]
//
// Ends with 0 when every image was answered once, and as often rightly as expected.json says.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <mutex>
#include <regex>
#include <shoal/shoal.hpp>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kPixels = 64, kClasses = 10, kOpen = 24;

struct Arguments {
    std::string folder, result;
    shoal::HubAddress hub;
    pid_t victim = 0;
    std::chrono::seconds deadline{60};  // of each image
};

Arguments parse(int argc, char** argv) {
    Arguments out;
    if (argc < 2) throw std::invalid_argument("which folder? digits FOLDER --hub HOST:PORT");
    out.folder = argv[1];
    for (int i = 2; i + 1 < argc; i += 2) {
        const std::string flag = argv[i], value = argv[i + 1];
        if (flag == "--hub")
            out.hub.endpoint = "tcp://" + value;
        else if (flag == "--key")
            out.hub.key_file = value;
        else if (flag == "--hub-key")
            out.hub.hub_key_file = value;
        else if (flag == "--kill")
            out.victim = std::stoi(value);
        else if (flag == "--deadline")
            out.deadline = std::chrono::seconds(std::stoi(value));
        else if (flag == "--result")
            out.result = value;
        else
            throw std::invalid_argument("unknown flag " + flag);
    }
    out.hub.client_name = "digits";
    out.hub.objective = SHOAL_THROUGHPUT;
    out.hub.max_in_flight = kOpen;
    return out;
}

std::string content(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("cannot read " + path);
    return {std::istreambuf_iterator<char>(file), {}};
}

// The elements of a .npy file (format version 1); what kind they are is for the caller to know.
template <class T>
std::vector<T> numpy_file(const std::string& path, const char* kind) {
    const auto bytes = content(path);
    constexpr std::size_t kHeader = 10;
    if (bytes.size() < kHeader || bytes.compare(1, 5, "NUMPY") != 0)
        throw std::runtime_error(path + " is no .npy file");
    const auto length = static_cast<std::size_t>(static_cast<unsigned char>(bytes[8])) |
                        static_cast<std::size_t>(static_cast<unsigned char>(bytes[9])) << 8U;
    const auto begin = kHeader + length;
    if (begin > bytes.size() || bytes.substr(kHeader, length).find(kind) == std::string::npos)
        throw std::runtime_error(path + " does not hold " + kind);
    std::vector<T> out((bytes.size() - begin) / sizeof(T));
    std::memcpy(out.data(), bytes.data() + begin, out.size() * sizeof(T));
    return out;
}

double expected_accuracy(const std::string& path) {
    std::smatch found;
    const auto text = content(path);
    if (!std::regex_search(text, found, std::regex("\"accuracy\": *([0-9.]+)")))
        throw std::runtime_error(path + " names no accuracy");
    return std::stod(found[1]);
}

// What came back, by image. Answers come on the model's threads.
class Answers {
public:
    explicit Answers(std::size_t images) : digit_(images, -1), times_(images, 0) {}

    void take(std::size_t image, const shoal::Finished& run) {
        const std::lock_guard lock(mutex_);
        --open_;
        if (run.error) {
            problem_ = run.error->what();
        } else {
            const auto scores = (*run.outputs)[0].as<float>();
            digit_[image] =
                static_cast<int>(std::max_element(scores.begin(), scores.begin() + kClasses) - scores.begin());
            ++times_[image];
        }
        ++ended_;
        changed_.notify_all();
    }
    void wait_for_room() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return open_ < kOpen; });
        ++open_;
    }
    // True when all have ended.
    bool wait(std::chrono::milliseconds patience) {
        std::unique_lock lock(mutex_);
        return changed_.wait_for(lock, patience, [&] { return ended_ == digit_.size(); });
    }
    [[nodiscard]] std::size_t ended() {
        const std::lock_guard lock(mutex_);
        return ended_;
    }
    // Once all have ended:
    [[nodiscard]] int digit(std::size_t image) const { return digit_[image]; }
    [[nodiscard]] std::size_t lost() const {
        return static_cast<std::size_t>(std::count(times_.begin(), times_.end(), 0));
    }
    [[nodiscard]] std::size_t repeated() const {
        return static_cast<std::size_t>(std::count_if(times_.begin(), times_.end(), [](int n) { return n > 1; }));
    }
    [[nodiscard]] const std::string& problem() const { return problem_; }

private:
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<int> digit_, times_;
    std::size_t open_ = 0, ended_ = 0;
    std::string problem_;
};

void show_progress(std::size_t ended, std::size_t all, Clock::time_point start) {
    if (::isatty(STDOUT_FILENO) == 0) return;
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    constexpr std::size_t kBar = 40;
    const auto full = kBar * ended / all;
    std::printf("\r[%s%s] %zu of %zu, %.0f a second ", std::string(full, '#').c_str(),
                std::string(kBar - full, '.').c_str(), ended, all,
                static_cast<double>(ended) / std::max(seconds, 1e-3));
    std::fflush(stdout);
}

// Some images side by side, and below each what it was taken for.
void draw(const std::vector<float>& images, const std::vector<std::int64_t>& labels, const Answers& answers) {
    constexpr std::size_t kShown = 6, kSide = 8;
    const std::string shades = " .:-=+*#%@";
    std::printf("\n");
    for (std::size_t y = 0; y < kSide; ++y) {
        for (std::size_t i = 0; i < kShown; ++i) {
            for (std::size_t x = 0; x < kSide; ++x) {
                const float value = images[i * kPixels + y * kSide + x];
                std::printf("%c",
                            shades[std::min<std::size_t>(static_cast<std::size_t>(value * 10), shades.size() - 1)]);
            }
            std::printf("    ");
        }
        std::printf("\n");
    }
    for (std::size_t i = 0; i < kShown; ++i)
        std::printf("is %d: %-5s  ", static_cast<int>(labels[i]), answers.digit(i) == labels[i] ? "right" : "wrong");
    std::printf("\n\n");
}

int run(const Arguments& arguments) {
    const auto images = numpy_file<float>(arguments.folder + "/images.npy", "<f4");
    const auto labels = numpy_file<std::int64_t>(arguments.folder + "/labels.npy", "<i8");
    const double expected = expected_accuracy(arguments.folder + "/expected.json");
    const std::size_t count = labels.size();
    if (images.size() != count * kPixels) throw std::runtime_error("images and labels do not belong together");

    Answers answers(count);  // outlives the model, whose threads fill it
    shoal::Model model(arguments.folder + "/digits.onnx", shoal::Place::cluster(arguments.hub), kOpen, kOpen);
    const auto image = [&](std::size_t i) {
        return shoal::Inputs{
            {"image", shoal::array<float>({1, 1, 8, 8}, std::span(images).subspan(i * kPixels, kPixels))}};
    };
    model.prepare(image(0));

    const auto start = Clock::now();
    bool killed = arguments.victim == 0;
    for (std::size_t i = 0; i < count; ++i) {
        answers.wait_for_room();
        model.submit(image(i), [&answers, i](const shoal::Finished& run) { answers.take(i, run); },
                     {arguments.deadline, {}});
        show_progress(answers.ended(), count, start);
        if (!killed && answers.ended() >= count / 3) {
            ::kill(arguments.victim, SIGKILL);
            killed = true;
            std::printf("%sprocess %d is killed after %zu answers, %zu images are on their way\n",
                        ::isatty(STDOUT_FILENO) != 0 ? "\n" : "", static_cast<int>(arguments.victim), answers.ended(),
                        i + 1 - answers.ended());
        }
    }
    while (!answers.wait(std::chrono::milliseconds(100)))
        show_progress(answers.ended(), count, start);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    show_progress(count, count, start);

    draw(images, labels, answers);
    std::size_t right = 0;
    for (std::size_t i = 0; i < count; ++i)
        right += answers.digit(i) == labels[i] ? 1U : 0U;
    const double accuracy = static_cast<double>(right) / static_cast<double>(count);
    std::printf("%zu images in %.2f s, %.0f a second; PyTorch's accuracy is %.3f\n", count, seconds,
                static_cast<double>(count) / seconds, expected);
    if (!answers.problem().empty()) std::printf("an image failed: %s\n", answers.problem().c_str());

    char line[128];
    std::snprintf(line, sizeof line, "accuracy %.3f on %zu images, %zu lost, %zu repeated", accuracy, count,
                  answers.lost(), answers.repeated());
    if (arguments.result.empty())
        std::printf("%s\n", line);
    else
        std::ofstream(arguments.result) << line << '\n';
    const bool same = accuracy > expected - 1e-3 && accuracy < expected + 1e-3;
    return killed && same && answers.lost() == 0 && answers.repeated() == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(parse(argc, argv));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "digits: %s\n", error.what());
        return 1;
    }
}
