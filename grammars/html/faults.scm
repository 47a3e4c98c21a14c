; An end tag that closes nothing.
(erroneous_end_tag) @fault
