"""The methods: one file each, all of one signature, listed in `mmdemo.explain.METHODS`."""
