"""Measurements that anyone can run again; they print numbers and judge nothing."""
