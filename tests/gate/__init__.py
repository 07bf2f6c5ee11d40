"""Tests of the gate that release engines ask."""
