"""The record contract /v1: what a lot may send, how it is checked, and the verdict each record gets."""
