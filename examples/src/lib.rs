//! Programs that show Signalbus at work; see the folder for each of them.
