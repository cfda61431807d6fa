// The shoal command.
#include "cli/commands.hpp"

int main(int argc, char** argv) {
    shoal::cli::Frame frame;
    for (const auto add_command : shoal::cli::kCommands)
        add_command(frame);
    return frame.run(argc, argv);
}
