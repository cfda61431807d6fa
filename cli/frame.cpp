#include "cli/frame.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <map>
#include <new>

#include "base/error.hpp"
#include "cli/help.hpp"
#include "cli/messages.hpp"
#include "cli/output.hpp"
#include "cli/parse_problem.hpp"
#include "cli/settings.hpp"
#include "cli/signals.hpp"

namespace shoal::cli {
namespace {

constexpr const char* kAbout =
    "Shoal runs one neural network across a handful of unlike boards, on whatever OpenCL devices they have.";

}  // namespace

struct Frame::State {
    CLI::App app{kAbout, "shoal"};
    std::map<const CLI::App*, std::function<Exit()>> works;
    Origins origins;
    std::string config;
    int verbose = 0;
    bool quiet = false;

    void add_message_flags(CLI::App& to) {
        to.add_flag("-v,--verbose", verbose, "Say more; -vv says everything")->group(kEveryCommand);
        to.add_flag("-q,--quiet", quiet, "No progress and no notes, only results and errors")->group(kEveryCommand);
        to.set_help_flag("-h,--help", "Print this help")->group(kEveryCommand);
    }

    // Reads the command line, then what it leaves out.
    void parse(int argc, const char* const* argv) {
        try {
            app.parse(argc, argv);
            add_settings();
        } catch (const CLI::RequiredError&) {
            if (app.get_subcommands().empty() || app.remaining_size(true) > 0) throw;
            add_settings();
            for (const auto* option : app.get_subcommands().front()->get_options()) {
                if (option->get_required() && option->count() == 0) throw;
            }
        }
    }
    void add_settings() { apply_settings(chosen(), config, origins); }
    CLI::App& chosen() { return *app.get_subcommands().front(); }
    void name_speaker() {
        if (!app.get_subcommands().empty()) set_speaker("shoal " + chosen().get_name());
    }

    // False when the command line asked for a text that is printed already.
    bool understand(int argc, const char* const* argv) {
        try {
            parse(argc, argv);
            name_speaker();
            return true;
        } catch (const CLI::CallForHelp&) {
            print(app.help());
        } catch (const CLI::CallForVersion&) {
            print("shoal " SHOAL_VERSION "\n");
        } catch (const CLI::ParseError& error) {
            name_speaker();
            throw UsageError(parse_problem(app, error));
        } catch (const std::exception&) {
            name_speaker();
            throw;
        }
        return false;
    }

    Exit work(int argc, const char* const* argv) {
        if (!understand(argc, argv)) return Exit::ok;
        set_verbosity(quiet ? Verbosity::errors : static_cast<Verbosity>(std::clamp(verbose, 0, 2) + 1));
        return works.at(&chosen())();
    }

    Exit go(int argc, const char* const* argv) {
        if (argc < 2) throw UsageError("no command was given; 'shoal --help' lists them");
        std::vector<const char*> words(argv, argv + argc);
        if (words[1] == std::string_view("help")) {  // as git and others have it
            words.erase(words.begin() + 1);
            words.push_back("--help");
        }
        try {
            return work(static_cast<int>(words.size()), words.data());
        } catch (const UsageError& error) {
            throw UsageError(with_origin(error.what(), origins));
        }
    }
};

Frame::Frame() : state_(std::make_unique<State>()) {
    auto& app = state_->app;
    app.formatter(help_formatter());
    app.require_subcommand(1);
    state_->add_message_flags(app);
    app.set_version_flag("--version", std::string("shoal " SHOAL_VERSION))
        ->description("Print the version")
        ->group(kEveryCommand);
}

Frame::~Frame() = default;

CLI::App& Frame::add(const CommandText& text, std::function<Exit()> work) {
    CLI::App* command = state_->app.add_subcommand(text.name, text.summary + "\n" + text.details);
    command->footer(text.examples);
    state_->add_message_flags(*command);
    command
        ->add_option("--config", state_->config,
                     "Take flags that are not given here from this TOML file: keys are flags without dashes")
        ->option_text("FILE")
        ->group(kEveryCommand);
    state_->works.emplace(command, std::move(work));
    return *command;
}

bool Frame::typed(const std::string& flag) const {
    const auto* option = state_->chosen().get_option_no_throw(flag);
    return option != nullptr && option->count() > 0 && state_->origins.count(flag) == 0;
}

int Frame::run(int argc, const char* const* argv) noexcept {
    const auto failed = [](std::string_view message, Exit exit = Exit::failure) {
        if (signal_received() == 0) say_error(message);
        return exit;
    };
    const auto attempt = [&] {
        try {
            catch_signals();
            const Exit exit = state_->go(argc, argv);
            flush_output();
            return exit;
        } catch (const OutputClosed&) {
            return Exit::ok;  // whoever read the output has seen enough
        } catch (const UsageError& error) {
            return failed(error.what(), Exit::usage);
        } catch (const std::bad_alloc&) {
            return failed("out of memory");
        } catch (const std::exception& error) {
            return failed(error.what());
        } catch (...) {
            return failed("unknown failure");
        }
    };
    const Exit exit = attempt();
    const int signal = signal_received();
    return signal != 0 ? 128 + signal : static_cast<int>(exit);
}

}  // namespace shoal::cli
