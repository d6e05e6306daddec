#![cfg_attr(fuzzing, no_main)]
#![doc = "Runs the target `sms_text` under libFuzzer; its body is in the library."]

signalbus_fuzz::fuzz!(sms_text);
