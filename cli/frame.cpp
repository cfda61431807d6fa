#include "cli/frame.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <new>

#include "base/error.hpp"
#include "cli/help.hpp"
#include "cli/messages.hpp"
#include "cli/output.hpp"
#include "cli/parse_problem.hpp"
#include "cli/signals.hpp"

namespace shoal::cli {
namespace {

constexpr const char* kAbout =
    "Shoal runs one neural network across a handful of unlike boards, on whatever OpenCL devices they have.";

}  // namespace

struct Frame::State {
    CLI::App app{kAbout, "shoal"};
    std::function<Exit()> work;
    int verbose = 0;
    bool quiet = false;

    void add_message_flags(CLI::App& to) {
        to.add_flag("-v,--verbose", verbose, "Say more; -vv says everything")->group(kEveryCommand);
        to.add_flag("-q,--quiet", quiet, "Say nothing but errors")->group(kEveryCommand);
        to.set_help_flag("-h,--help", "Print this help")->group(kEveryCommand);
    }

    // Nothing when the command line asked for a text that is printed already.
    bool parse(int argc, const char* const* argv) {
        try {
            app.parse(argc, argv);
            return true;
        } catch (const CLI::CallForHelp&) {
            print(app.help());
        } catch (const CLI::CallForVersion&) {
            print("shoal " SHOAL_VERSION "\n");
        } catch (const CLI::ParseError& error) {
            if (const auto chosen = app.get_subcommands(); !chosen.empty())
                set_speaker("shoal " + chosen.front()->get_name());
            throw UsageError(parse_problem(app, error));
        }
        return false;
    }

    Exit go(int argc, const char* const* argv) {
        if (argc < 2) throw UsageError("no command was given; 'shoal --help' lists them");
        if (!parse(argc, argv)) return Exit::ok;
        set_verbosity(quiet ? Verbosity::errors : static_cast<Verbosity>(std::min(verbose, 2) + 1));
        return work();
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
    command->callback([state = state_.get(), name = text.name, work = std::move(work)] {
        set_speaker("shoal " + name);
        state->work = work;
    });
    return *command;
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
