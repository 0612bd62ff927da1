#include "ktstr_signal.h"

#include <signal.h>
#include <stddef.h>

int ktstr_signal_is_ignored(int signal) {
  struct sigaction action;
  return sigaction(signal, NULL, &action) == 0 && (action.sa_flags & SA_SIGINFO) == 0 &&
         action.sa_handler == SIG_IGN;
}
