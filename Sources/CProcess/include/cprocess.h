// Signals and process control.
#pragma once

// Installs handlers: from now on SIGUSR1, SIGTERM and, unless it is ignored, SIGINT set a flag instead of ending the
// process. SIGUSR1 and SIGTERM are unblocked, so that pending ones are handled too. In a process started by an MPI
// launcher this has already been called before the constructors of libraries.
void cprocess_note_stop_requests(void);
// Restores the default action of these signals.
void cprocess_forget_stop_requests(void);
// Returns whether one of these signals has arrived.
int cprocess_stop_was_requested(void);

// Requests that the process is killed when its parent ends; if the parent has already ended, kills it at once. Returns
// 0 or an errno value.
int cprocess_die_with_parent(void);

// Ends the process at once with a trap instruction.
_Noreturn void cprocess_trap(void);

// Installs a handler: from now on SIGUSR2 prints the stack of the interrupted thread to standard error.
void cprocess_tell_stacks(void);
// Sends SIGUSR2 to the main thread of a process that has called `cprocess_tell_stacks`.
void cprocess_ask_for_stack(int process);
